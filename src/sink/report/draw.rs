//! Draws the graph: from left to right where that fits the page, else from top to bottom; curves between the boxes.

use super::chart::number;
use super::graph::{Edge, Graph, Kind, Node};
use super::html::{Html, fitted};
use super::record::Story;
use super::words;

const BOX: (f64, f64) = (192.0, 46.0);
const MARGIN: f64 = 8.0;
/// Layers that fit beside each other on a page.
const MOST_ACROSS: usize = 5;

/// Which way the data flows on the page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Across,
    Down,
}

impl Way {
    /// From one layer to the next, and from one box of a layer to the next.
    fn pitch(self) -> (f64, f64) {
        match self {
            Self::Across => (BOX.0 + 76.0, BOX.1 + 14.0),
            Self::Down => (BOX.1 + 40.0, BOX.0 + 20.0),
        }
    }

    fn place(self, layer: f64, row: f64) -> (f64, f64) {
        let (along, beside) = (layer * self.pitch().0 + MARGIN, row * self.pitch().1 + MARGIN);
        if self == Self::Across { (along, beside) } else { (beside, along) }
    }
}
/// Characters that fit into a box, of its first and second line.
const FIT: (usize, usize) = (21, 26);

/// Left upper corner of each box.
type Places = Vec<(f64, f64)>;

pub fn figure(html: &mut Html, number_of: usize, story: &Story) {
    let graph = Graph::of(story);
    let (places, way) = arrange(&graph);
    let far = |side: fn(&(f64, f64)) -> f64| places.iter().map(side).fold(0.0, f64::max) + MARGIN;
    let (width, height) = (far(|place| place.0) + BOX.0, far(|place| place.1) + BOX.1);
    let (view, wide, high) = (format!("0 0 {width} {height}"), number(width), number(height));
    let (id, said) = (format!("g{number_of}"), format!("The path of the data: {}", graph.words()));
    html.raw("<figure class=\"graph\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Path of the data\">");
    let frame =
        [("viewBox", &*view), ("width", &wide), ("height", &high), ("role", "img"), ("aria-labelledby", &id)];
    html.tag("svg", &frame, |html| {
        html.tag("title", &[("id", &id)], |html| _ = html.text_only(&said));
        let mut labelled = Vec::new();
        for edge in &graph.edges {
            draw_edge(html, &graph, edge, (&places, way), &mut labelled);
        }
        for (node, place) in graph.nodes.iter().zip(&places) {
            draw_node(html, node, *place);
        }
    });
    html.raw("</div><figcaption><span class=\"key sensitive\">sensitive file</span><span class=\"key program\">program");
    html.raw(
        "</span><span class=\"key staged\">staged file</span><span class=\"key place\">destination</span>",
    );
    if graph.edges.iter().any(|edge| edge.inferred) {
        html.raw(
            "<span class=\"key dashed\">in the order of time, the step itself is not in the record</span>",
        );
    }
    html.raw("</figcaption></figure>");
}

/// Boxes of one layer stand in a column, each as near as can be to what leads to it.
fn arrange(graph: &Graph) -> (Places, Way) {
    let layers = graph.nodes.iter().map(|node| node.layer).max().unwrap_or(0) + 1;
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); layers];
    for (at, node) in graph.nodes.iter().enumerate() {
        columns[node.layer].push(at);
    }
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(1);
    let mut rows = vec![0.0; graph.nodes.len()];
    // Once forward and once back is enough to lay straight what can be straight.
    for forward in [true, false, true] {
        let mut order: Vec<usize> = (0..layers).collect();
        if !forward {
            order.reverse();
        }
        for layer in order {
            let key = |at: &usize| mean(graph, *at, &rows, forward).unwrap_or(rows[*at]);
            columns[layer].sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
            let top = (tallest - columns[layer].len()) as f64 / 2.0;
            for (row, at) in columns[layer].iter().enumerate() {
                rows[*at] = top + row as f64;
            }
        }
    }
    let way = if layers <= MOST_ACROSS { Way::Across } else { Way::Down };
    let places = graph.nodes.iter().zip(&rows);
    (places.map(|(node, row)| way.place(node.layer as f64, *row)).collect(), way)
}

/// The mean row of what leads here, or of where it leads.
fn mean(graph: &Graph, at: usize, rows: &[f64], back: bool) -> Option<f64> {
    let neighbour = |edge: &Edge| match back {
        true => (edge.to == at).then_some(edge.from),
        false => (edge.from == at).then_some(edge.to),
    };
    let near: Vec<f64> = graph.edges.iter().filter_map(neighbour).map(|other| rows[other]).collect();
    (!near.is_empty()).then(|| near.iter().sum::<f64>() / near.len() as f64)
}

fn draw_edge<'a>(
    html: &mut Html,
    graph: &Graph,
    edge: &'a Edge,
    (places, way): (&Places, Way),
    labelled: &mut Vec<(usize, usize, &'a str)>,
) {
    let (from, to) = (places[edge.from], places[edge.to]);
    let (start, end, bends, tip) = curve(way, from, to);
    let path = format!("M{} C{} {} {}", pair(start), pair(bends.0), pair(bends.1), pair(end));
    let place = graph.nodes[edge.to].kind == Kind::Place;
    let class = if edge.inferred {
        "edge dashed"
    } else if place {
        "edge out"
    } else {
        "edge"
    };
    html.shape("path", &[("class", class), ("d", &path)]);
    html.shape("path", &[("class", if place { "tip out" } else { "tip" }), ("d", &tip)]);
    // One word for all that lead to, or come from, the same box.
    let said = labelled
        .iter()
        .any(|(from, to, label)| *label == edge.label && (*from == edge.from || *to == edge.to));
    if edge.label.is_empty() || said {
        return;
    }
    labelled.push((edge.from, edge.to, &edge.label));
    let middle = ((start.0 + end.0) / 2.0, (start.1 + end.1) / 2.0);
    let (x, y, anchor) = match way {
        Way::Across => (number(middle.0), number(middle.1 - 6.0), "middle"),
        Way::Down => (number(middle.0 + 9.0), number(middle.1 + 4.0), "start"),
    };
    html.tag("text", &[("class", "edge-name"), ("x", &x), ("y", &y), ("text-anchor", anchor)], |html| {
        html.text_only(&edge.label);
    });
}

type Point = (f64, f64);

fn pair(point: Point) -> String {
    format!("{} {}", number(point.0), number(point.1))
}

/// Start and end of an edge, the two points that bend it, and its tip.
fn curve(way: Way, from: Point, to: Point) -> (Point, Point, (Point, Point), String) {
    match way {
        Way::Across => {
            let start = (from.0 + BOX.0, from.1 + BOX.1 / 2.0);
            let end = (to.0 - 7.0, to.1 + BOX.1 / 2.0);
            let bend = ((end.0 - start.0) / 2.0).max(24.0);
            let tip = format!("M{}l8 5-8 5z", pair((end.0 - 1.0, end.1 - 5.0)));
            (start, end, ((start.0 + bend, start.1), (end.0 - bend, end.1)), tip)
        }
        Way::Down => {
            let start = (from.0 + BOX.0 / 2.0, from.1 + BOX.1);
            let end = (to.0 + BOX.0 / 2.0, to.1 - 7.0);
            let bend = ((end.1 - start.1) / 2.0).max(16.0);
            let tip = format!("M{}l5 8 5-8z", pair((end.0 - 5.0, end.1 - 1.0)));
            (start, end, ((start.0, start.1 + bend), (end.0, end.1 - bend)), tip)
        }
    }
}

fn draw_node(html: &mut Html, node: &Node, place: (f64, f64)) {
    let class = match node.kind {
        Kind::Sensitive => "node sensitive",
        Kind::Program => "node program",
        Kind::Staged => "node staged",
        Kind::Place => "node place",
    };
    let (x, y, width, height) = (number(place.0), number(place.1), number(BOX.0), number(BOX.1));
    let frame = [("class", class), ("x", &*x), ("y", &y), ("width", &width), ("height", &height)];
    // A drawing of its own, so that nothing is drawn outside of the box.
    html.tag("svg", &frame, |html| {
        html.tag("title", &[], |html| _ = html.text_only(&node.name));
        html.shape(
            "rect",
            &[("class", "case"), ("x", "0.5"), ("y", "0.5"), ("width", "191"), ("height", "45"), ("rx", "6")],
        );
        html.shape("rect", &[("class", "stripe"), ("width", "5"), ("height", &height)]);
        let name = if node.kind == Kind::Place { &node.name } else { words::file_name(&node.name) };
        let folder = node.name.strip_suffix(name).unwrap_or_default().trim_end_matches('/');
        let note = match node.kind {
            Kind::Staged if !folder.is_empty() => folder,
            _ => &node.note,
        };
        html.tag("text", &[("class", "name"), ("x", "14"), ("y", "20")], |html| {
            _ = html.text_only(&fitted(name, FIT.0))
        });
        html.tag("text", &[("class", "sub"), ("x", "14"), ("y", "36")], |html| {
            _ = html.text_only(&fitted(note, FIT.1))
        });
    });
}
