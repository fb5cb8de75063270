//! Ratios as a picture: a row for each workload, a mark for each contestant, on a
//! logarithmic scale with a line at 1.

use core::{error::Error, ops::Range};

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::Role;

/// A chart, as data.
#[derive(Debug)]
pub struct Chart {
    pub(crate) title: String,
    /// What was measured where; lines.
    pub(crate) caption: String,
    /// The workloads, from the top.
    pub(crate) rows: Vec<String>,
    /// The contestants.
    pub(crate) series: Vec<Series>,
    /// The quantities, side by side.
    pub(crate) panels: Vec<Panel>,
}

/// A contestant.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// A quantity.
#[derive(Debug)]
pub(crate) struct Panel {
    /// What the axis shows.
    pub(crate) axis: String,
    /// The ratios, by contestant and then by row.
    pub(crate) values: Vec<Vec<Option<f64>>>,
}

type Svg<'a> = SVGBackend<'a>;
type Area<'a> = DrawingArea<Svg<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;
type Plane<'a, 'b> = ChartContext<'a, Svg<'b>, Cartesian2d<LogCoord<f64>, RangedCoordf64>>;

/// All lengths are in pixels.
const WIDTH: u32 = 960;
const MARGIN: i32 = 12;
const NAMES: i32 = 190;
const TITLE: i32 = 34;
const LEGEND: i32 = 26;
const ROW: i32 = 24;
const AXIS: i32 = 46;
const LINE: i32 = 17;

const OURS: RGBColor = RGBColor(214, 39, 40);
const STRIPE: RGBColor = RGBColor(243, 244, 246);
const GRID: RGBColor = RGBColor(208, 211, 217);
const PEERS: [RGBColor; 9] = [
    RGBColor(110, 110, 110),
    RGBColor(31, 119, 180),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
    RGBColor(23, 190, 207),
    RGBColor(188, 189, 34),
    RGBColor(227, 119, 194),
    RGBColor(255, 152, 0),
];

impl Chart {
    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// Passes the errors of the plotting crate on.
    pub fn svg(&self) -> Result<String, Box<dyn Error>> {
        let mut svg = String::new();
        self.draw(&SVGBackend::with_string(&mut svg, (WIDTH, self.height())).into_drawing_area())?;
        Ok(svg)
    }

    fn height(&self) -> u32 {
        let lines = self.caption.lines().count() as i32;
        (TITLE + LEGEND + self.plot_height() + lines * LINE + MARGIN) as u32
    }

    fn plot_height(&self) -> i32 {
        self.rows.len() as i32 * ROW + AXIS
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        area.fill(&WHITE)?;
        let (head, rest) = area.split_vertically(TITLE + LEGEND);
        let (plot, foot) = rest.split_vertically(self.plot_height());
        let (names, panels) = plot.split_horizontally(NAMES);
        self.draw_head(&head)?;
        self.draw_names(&names)?;
        for (panel, area) in self.panels.iter().zip(panels.split_evenly((1, self.panels.len()))) {
            self.draw_panel(panel, &area)?;
        }
        for (line, text) in (0..).zip(self.caption.lines()) {
            write(&foot, text, (MARGIN, line * LINE + LINE / 2), 12, HPos::Left)?;
        }
        Ok(area.present()?)
    }

    /// Draws the title, and the legend below it.
    fn draw_head(&self, area: &Area<'_>) -> Drawn {
        write(area, &self.title, (MARGIN, TITLE / 2), 17, HPos::Left)?;
        let (middle, mut left) = (TITLE + LEGEND / 2, MARGIN);
        for (index, series) in self.series.iter().enumerate() {
            area.draw(&self.mark(index, (left + 6, middle)))?;
            write(area, &series.name, (left + 18, middle), 13, HPos::Left)?;
            left += 34 + 7 * series.name.len() as i32;
        }
        Ok(())
    }

    fn draw_names(&self, area: &Area<'_>) -> Drawn {
        for (row, name) in (0..).zip(&self.rows) {
            write(area, name, (NAMES - 8, row * ROW + ROW / 2), 13, HPos::Right)?;
        }
        Ok(())
    }

    fn draw_panel(&self, panel: &Panel, area: &Area<'_>) -> Drawn {
        let (scale, rows) = (panel.scale(), self.rows.len() as f64);
        let mut plane = ChartBuilder::on(area)
            .margin_right(MARGIN)
            .x_label_area_size(AXIS)
            .build_cartesian_2d(scale.clone().log_scale().base(2.0), 0.0..rows)?;
        stripes(&mut plane, &scale, rows)?;
        plane
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .x_labels(8)
            .x_label_formatter(&|ratio| format!("{ratio}"))
            .x_desc(&panel.axis)
            .label_style(("sans-serif", 12))
            .draw()?;
        plane.draw_series([PathElement::new([(1.0, 0.0), (1.0, rows)], BLACK.stroke_width(2))])?;
        self.draw_marks(panel, &mut plane)
    }

    /// Draws all marks: ours, which come first in the list, last and on top.
    fn draw_marks(&self, panel: &Panel, plane: &mut Plane<'_, '_>) -> Drawn {
        let middle = |row: usize| (self.rows.len() - row) as f64 - 0.5;
        for (index, values) in panel.values.iter().enumerate().rev() {
            let points = values.iter().enumerate();
            let points = points.filter_map(|(row, value)| Some(((*value)?, middle(row))));
            plane.draw_series(points.map(|point| self.mark(index, point)))?;
        }
        Ok(())
    }

    /// Returns the mark of a contestant: ours are large and red, the private heap a
    /// disc and the shared one a ring; peers are small discs, the limit a small ring.
    fn mark<C>(&self, index: usize, at: C) -> Circle<C, i32> {
        match self.series[index].role {
            Role::Private => Circle::new(at, 6, OURS.filled()),
            Role::Shared => Circle::new(at, 6, OURS.stroke_width(2)),
            Role::Limit => Circle::new(at, 4, BLACK.stroke_width(2)),
            Role::Peer => Circle::new(at, 4, self.peer_colour(index).filled()),
        }
    }

    fn peer_colour(&self, index: usize) -> RGBColor {
        let before = self.series[..index].iter().filter(|series| series.role == Role::Peer);
        PEERS[before.count() % PEERS.len()]
    }
}

impl Panel {
    /// Returns the range of all values and 1, with some room on both sides.
    fn scale(&self) -> Range<f64> {
        let all = || self.values.iter().flatten().flatten().copied().chain([1.0]);
        all().fold(f64::MAX, f64::min) / 1.15..all().fold(f64::MIN, f64::max) * 1.15
    }
}

/// Shades every other row.
fn stripes(plane: &mut Plane<'_, '_>, scale: &Range<f64>, rows: f64) -> Drawn {
    let tops = (0..).map(|row| rows - f64::from(2 * row)).take_while(|top| *top >= 1.0);
    let stripe =
        |top| Rectangle::new([(scale.start, top), (scale.end, top - 1.0)], STRIPE.filled());
    plane.draw_series(tops.map(stripe))?;
    Ok(())
}

/// Writes `text` beside a point, vertically centred.
fn write(area: &Area<'_>, text: &str, at: (i32, i32), size: i32, side: HPos) -> Drawn {
    let style = ("sans-serif", size).into_font().color(&BLACK).pos(Pos::new(side, VPos::Center));
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}
