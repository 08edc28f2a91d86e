//! Observes: the machine's own events, from Endpoint Security or as the system's `eslogger` prints them, and packets from
//! captures; and what audit logs of clouds tell. Opens things; understands nothing.

pub mod attributes;
pub mod audit;
pub mod capture;
pub mod compressed;
pub mod eslogger;
pub mod exec_limits;
pub mod gate;
pub mod gather;
pub mod halt;
pub mod inlet;
pub mod lines;
pub mod loss;
pub mod ntstat;
pub mod processes;
pub mod queue;
mod recall;
pub mod selection;
pub mod steady;
pub mod tap;
pub mod trouble;

#[cfg(target_os = "macos")]
pub mod endpoint_security;
#[cfg(not(target_os = "macos"))]
#[path = "endpoint_security/absent.rs"]
pub mod endpoint_security;
#[cfg(target_os = "macos")]
#[path = "tap/pktap.rs"]
pub mod pktap;
#[cfg(not(target_os = "macos"))]
#[path = "tap/pktap_absent.rs"]
pub mod pktap;

#[cfg(target_os = "macos")]
#[path = "ntstat/device.rs"]
pub mod kernel_counts;
#[cfg(not(target_os = "macos"))]
#[path = "ntstat/device_absent.rs"]
pub mod kernel_counts;

#[cfg(target_os = "macos")]
pub mod running;
#[cfg(not(target_os = "macos"))]
#[path = "running_absent.rs"]
pub mod running;
