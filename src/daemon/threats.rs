//! Threat model: who would gain by blinding, fooling or reading this daemon, and what stands in the way.
//!
//! Attackers: a program of the logged-in user that steals; another user of the Mac; a host on the network; whoever made a
//! recording or a capture that somebody replays. The daemon runs as root and reads what all of them write. Sorted by
//! STRIDE (Shostack, *Threat Modeling*, 2014); the last column names the test that fails when the line is no longer true.
//!
//! | | who does what | what stands in the way | shown by |
//! |---|---|---|---|
//! | **S**poofing | A thief signs its program as it likes, under the identifier of an allowed one | Team and signing identifiers count only with a signature that Apple's chain vouches for; an empty one equals nothing | `empty_identifiers_equal_nothing` |
//! | | It starts an allowed, signed app and makes it run its own code | The app is then not itself any more | `a_signed_app_made_to_run_other_code_is_not_the_app`, `a_script_that_comes_through_a_pipe_is_other_code` |
//! | | It starts a thread in an allowed, running app | Likewise (`remote_thread_create`) | `b02_twin_another_process_started_a_thread_in_the_agent` |
//! | | It starts an allowed script in an environment of its own making | Where an interpreter is told to look for code must be installed, or lie beside it or the script | `a_virtual_environment_of_somebodys_making_is_other_code` |
//! | | It rewrites an allowed script | An entry can ask what the script holds; what cannot be read in time, or is no file, is another content | `a_script_that_was_changed_is_not_the_one_that_was_allowed`, `reads_nothing_else_and_waits_for_nobody` |
//! | | It lets a file that carries something and a harmless one change places | A swap is followed, and who is heard of none finds the file by its inode | `what_was_staged_goes_with_its_file`, `a_swap_that_nobody_told_of` |
//! | | It signs under the identifier of an app to own that app's container | An identifier owns one by a team or by Apple, and none that a list gives to others | `a_container_is_not_its_identifiers_alone` |
//! | | It takes the pid of an allowed process that ended | Processes are pid and pidversion, at their time | `a_pid_belongs_to_nobody_before_its_image_and_after_its_end` |
//! | | A host gets a name that looks like a service's, or like none | Suffixes match at labels, in one canonical spelling | `look_alikes_are_nobody` |
//! | | A hello names a harmless host at the address of another (domain fronting) | What DNS told the same process is held against it | `a_hello_that_contradicts_dns_is_disputed` |
//! | | A machine in between poses as the receiver of alerts | Certificates are checked, names too | `tls_refuses_whoever_is_not_who_they_should_be` |
//! | **T**ampering | A user rewrites the configuration, or a folder above it | A file that others can write is refused | `a_configuration_that_others_can_write_is_refused` |
//! | | It puts a link where the spool or an output's file will be | Links are not followed there | `the_folder_is_ours_alone_and_links_are_not_followed`, `a_link_in_the_place_of_the_file_is_not_followed` |
//! | | A file's name forges a field, a line, a record of its own | Every format escapes; each is read back by a second reader | `cef_reads_back_and_no_name_adds_a_key`, `leef_reads_back_and_no_name_adds_a_key`, `syslog_reads_back_within_its_budget`, `json_gives_every_name_back` |
//! | | It forges the administrator's screen, or a script in a report | Control characters are shown, never sent; markup comes from the program alone | `text_for_people_obeys_no_name`, `hostile_names_cannot_draw_on_the_terminal`, `no_text_becomes_markup` |
//! | | Power fails in the middle of a write | Records are framed and summed; what is torn is skipped, what was raised is there | `power_may_go_at_any_byte` |
//! | **R**epudiation | Somebody with the right to do so kills the daemon for a while | The next start says since when nobody watched | `m48_a_daemon_that_was_killed_says_so_when_it_runs_again` |
//! | | It sets the clock, so that a read comes after its upload, or long before it | In a recording time goes on from before, where it was set back. Live, the wall clock is held against the one that nobody sets, and what is known goes by the new time, which is told (`clock-step`) | `a_clock_set_back_goes_on`, `a_clock_that_is_set_changes_no_verdict`, `an_upload_after_the_clock_was_set_is_one_of_what_was_read_before` |
//! | | It makes so many events that some are dropped | Gaps in the kernel's numbers are told with their span | `each_client_counts_for_itself_and_types_are_named`, `a_gap_is_a_loss_with_its_span` |
//! | | It makes so many that a read is told after its upload | Packets wait for events that lag, up to a minute; what comes later still is told (`late-event`) | `packets_wait_for_events_that_lag`, `nobody_waits_for_ever` |
//! | **I**nformation disclosure | Keys in arguments, environment and addresses travel to the SIEM | They are taken out before anything is formatted | `no_output_tells_a_secret_wherever_it_stands` |
//! | | They stand in the daemon's own log | What is logged has no arguments, no values of variables and no bytes of a line | `the_log_tells_no_secret_at_any_level` |
//! | | Another user reads alerts from disk or asks the control socket | Files and folders are the owner's alone; the socket asks the kernel who calls | `a_file_is_its_owners_alone_rotates_and_ends_in_whole_lines`, `root_and_the_owner_may_ask`, `a_socket_in_a_folder_that_others_enter_is_refused` |
//! | | It makes the daemon crash and reads its memory from the core file | There are no core files | `leaves_no_core_file` |
//! | **D**enial of service | A recording, a packet or a line is made to crash its reader | Readers take any bytes; each has a fuzz target | `mutated_lines_are_harmless`, `damaged_packets_do_not_panic` |
//! | | It floods a table so that its own traces are evicted | Who floods pushes out their own; what carries reads goes last; evictions are told | `who_floods_the_table_pushes_out_their_own`, `process_table_flooded`, `file_table_flooded` |
//! | | It waits, drips, splits and hides behind others to stay below the limits | Sums over a lineage, kept for as long as the sets say; what gets through is listed with its reason | `waiting`, `dripping`, `split_over_processes`, `behind_an_allowed_program` |
//! | | It begins uploads that nobody can judge yet, since records leave in the order of their time | A record waits ten seconds for an earlier one, no longer | `uploads_left_undecided` |
//! | | It puts a dead server or a pipe in the place of a script whose content is asked for | A thread of its own reads, and is waited for within limits | `a_script_that_cannot_be_read_in_time_holds_nobody_up`, `the_time_for_reading_scripts_is_a_part_of_all_time` |
//! | | The receiver is down, or the disk is full | Records wait on disk, then in bounded memory, the least severe given up first and counted | `a_receiver_that_dies_in_mid_message_gets_everything_again`, `a_disk_that_refuses_is_told_and_tried_again`, `memory_is_bounded_while_the_disk_refuses`, `a_log_that_takes_nothing_stops_nobody` |
//! | | A wrong configuration is pushed to every Mac | The last good one stays, and that is told | `a_changed_file_is_read_and_a_wrong_one_refused`, `a_wrong_configuration_keeps_no_mac_from_being_watched` |
//! | **E**levation of privilege | Bytes of strangers are read as root | No `unsafe` outside the calls to the system, each with its reason | `unsafe_lives_in_sys_and_gives_its_reason`, `the_inventory_of_unsafe_is_true` |
//! | | A second daemon is started beside the first, to confuse both | One at a time | `a_second_daemon_is_refused` |
//!
//! Not held: whoever is root, or controls the kernel, or removes the daemon's permissions by profile, can end it; that it
//! is gone shows in the missing heartbeat. Two programs that pass data by XPC, the pasteboard or shared memory cannot be
//! seen to do so. A name that is encrypted (ECH, relays) stays unknown, and is said to be.
