//! Radius, box and polygon search: which score ranges to look at, and who of them is inside.
//!
//! The cell that holds the centre, at a step coarse enough for the shape, and its eight neighbours
//! cover the shape. Cells that the bounding box does not reach are left out. The order of the
//! cells, and that a cell may come twice when a huge shape wraps around the map, are Redis's: both
//! show in unsorted answers.

use super::cell::{Area, Cell, Extent};
use super::{EARTH_RADIUS_METERS, Point, RADIANS, STEP_MAX, latitude_distance};

/// Half the width of the Mercator map in meters.
const MERCATOR_MAX: f64 = 20037726.37;

/// What to search for. Lengths are in units of `unit` meters each, as the client gave them.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Everything within `radius` of the centre (BYRADIUS).
    Circle {
        /// The middle.
        centre: Point,
        /// In units.
        radius: f64,
        /// Meters in a unit.
        unit: f64,
    },
    /// An axis-aligned box around the centre (BYBOX).
    Box {
        /// The middle.
        centre: Point,
        /// East to west, in units.
        width: f64,
        /// North to south, in units.
        height: f64,
        /// Meters in a unit.
        unit: f64,
    },
    /// A simple polygon (Valkey's BYPOLYGON): at least three vertices, no unit.
    Polygon {
        /// The corners in order; the last is joined to the first.
        vertices: Vec<Point>,
    },
}

/// A search that has been planned: its score ranges, and the test for each candidate.
#[derive(Debug)]
pub struct Search {
    shape: Shape,
    centre: Point,
    /// In the order in which they are looked at; `None` where the bounding box does not reach.
    cells: [Option<Cell>; 9],
}

/// A position that is inside the shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The position, decoded from the score.
    pub point: Point,
    /// Meters from the centre of the shape (of a polygon: the centroid of its vertices).
    pub distance: f64,
}

impl Search {
    /// Plans a search.
    #[must_use]
    pub fn new(shape: Shape) -> Search {
        let centre = shape.centre();
        let bounds = shape.bounds(centre);
        let mut step = step_for_radius(shape.reach(centre, &bounds), centre.latitude);
        let mut home = Cell::around(centre, &Extent::MERCATOR, step);
        if step > 1 && !neighbours_cover(home, &bounds) {
            step -= 1;
            home = Cell::around(centre, &Extent::MERCATOR, step);
        }
        let mut cells = OFFSETS.map(|(east, north)| Some(home.neighbour(east, north)));
        if step >= 2 {
            drop_useless(&mut cells, &home.area(), &bounds);
        }
        Search {
            shape,
            centre,
            cells,
        }
    }

    /// The middle from which distances count.
    #[must_use]
    pub fn centre(&self) -> Point {
        self.centre
    }

    /// The score ranges to look at, in Redis's order: from the first score, up to but without the
    /// second.
    pub fn ranges(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let mut last: Option<Cell> = None;
        self.cells.iter().enumerate().filter_map(move |(i, cell)| {
            let cell = (*cell)?;
            if last == Some(cell) {
                return None;
            }
            // The home cell is never compared with, whence the repeated results of huge circles.
            last = (i > 0).then_some(cell);
            Some(cell.scores())
        })
    }

    /// The position of `score`, if it is inside the shape.
    #[must_use]
    pub fn hit(&self, score: f64) -> Option<Hit> {
        let point = Point::decode(score);
        let inside = match &self.shape {
            Shape::Circle { radius, unit, .. } => {
                let distance = self.centre.distance(point);
                return (distance <= radius * unit).then_some(Hit { point, distance });
            }
            Shape::Box {
                width,
                height,
                unit,
                ..
            } => self.in_box(point, width * unit, height * unit),
            Shape::Polygon { vertices } => in_polygon(point, vertices),
        };
        inside.then(|| Hit {
            point,
            distance: self.centre.distance(point),
        })
    }

    fn in_box(&self, point: Point, width: f64, height: f64) -> bool {
        // East-west is measured along the candidate's own parallel.
        let beside = Point {
            longitude: self.centre.longitude,
            latitude: point.latitude,
        };
        latitude_distance(point.latitude, self.centre.latitude) <= height / 2.0
            && point.distance(beside) <= width / 2.0
    }
}

/// The home cell and its neighbours as (east, north), in the order in which they are looked at.
const OFFSETS: [(i8, i8); 9] = [
    (0, 0),
    (0, 1),
    (0, -1),
    (1, 0),
    (-1, 0),
    (1, 1),
    (-1, 1),
    (1, -1),
    (-1, -1),
];

impl Shape {
    fn centre(&self) -> Point {
        match self {
            Shape::Circle { centre, .. } | Shape::Box { centre, .. } => *centre,
            Shape::Polygon { vertices } => centroid(vertices),
        }
    }

    fn bounds(&self, centre: Point) -> Area {
        match self {
            Shape::Circle { radius, unit, .. } => {
                bounds_around(centre, unit * radius, unit * radius)
            }
            Shape::Box {
                width,
                height,
                unit,
                ..
            } => bounds_around(centre, unit * (width / 2.0), unit * (height / 2.0)),
            Shape::Polygon { vertices } => bounds_of(vertices),
        }
    }

    /// Meters from the centre to the farthest point of the shape or of its bounding box.
    fn reach(&self, centre: Point, bounds: &Area) -> f64 {
        match self {
            Shape::Circle { radius, unit, .. } => radius * unit,
            Shape::Box {
                width,
                height,
                unit,
                ..
            } => {
                let (w, h) = (width / 2.0, height / 2.0);
                (w * w + h * h).sqrt() * unit
            }
            Shape::Polygon { .. } => {
                let (w, e, s, n) = (bounds.west, bounds.east, bounds.south, bounds.north);
                [(w, n), (e, n), (w, s), (e, s)]
                    .map(|(longitude, latitude)| {
                        centre.distance(Point {
                            longitude,
                            latitude,
                        })
                    })
                    .into_iter()
                    .fold(0.0, f64::max)
            }
        }
    }
}

/// The box of half `width` and `height` meters around a point. Of its two east-west edges, which
/// differ in degrees, the northern one counts on the northern half and the southern one on the
/// southern.
fn bounds_around(centre: Point, width: f64, height: f64) -> Area {
    let north = height / EARTH_RADIUS_METERS / RADIANS;
    let edge = if centre.latitude < 0.0 {
        centre.latitude - north
    } else {
        centre.latitude + north
    };
    let east = width / EARTH_RADIUS_METERS / (edge * RADIANS).cos() / RADIANS;
    Area {
        west: centre.longitude - east,
        east: centre.longitude + east,
        south: centre.latitude - north,
        north: centre.latitude + north,
    }
}

fn bounds_of(vertices: &[Point]) -> Area {
    let longitudes = vertices.iter().map(|v| v.longitude);
    let latitudes = vertices.iter().map(|v| v.latitude);
    Area {
        west: longitudes.clone().fold(f64::INFINITY, f64::min),
        east: longitudes.fold(f64::NEG_INFINITY, f64::max),
        south: latitudes.clone().fold(f64::INFINITY, f64::min),
        north: latitudes.fold(f64::NEG_INFINITY, f64::max),
    }
}

/// The direction of the sum of the vertices as vectors from the earth's middle.
fn centroid(vertices: &[Point]) -> Point {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for vertex in vertices {
        let (lon, lat) = (vertex.longitude * RADIANS, vertex.latitude * RADIANS);
        x += lat.cos() * lon.cos();
        y += lat.cos() * lon.sin();
        z += lat.sin();
    }
    let flat = f64::sqrt(x * x + y * y);
    Point {
        longitude: f64::atan2(y, x) / RADIANS,
        latitude: f64::atan2(z, flat) / RADIANS,
    }
}

/// Even-odd rule (W. R. Franklin's PNPOLY) on longitudes and latitudes as plane coordinates.
fn in_polygon(point: Point, vertices: &[Point]) -> bool {
    let Some(mut b) = vertices.last() else {
        return false;
    };
    let mut inside = false;
    for a in vertices {
        let straddles = (a.latitude > point.latitude) != (b.latitude > point.latitude);
        if straddles
            && point.longitude
                < (b.longitude - a.longitude) * (point.latitude - a.latitude)
                    / (b.latitude - a.latitude)
                    + a.longitude
        {
            inside = !inside;
        }
        b = a;
    }
    inside
}

/// The step whose cells are about as large as the radius; coarser towards the poles.
fn step_for_radius(meters: f64, latitude: f64) -> u8 {
    if meters == 0.0 {
        return STEP_MAX;
    }
    let mut meters = meters;
    let mut step: i32 = 1;
    while meters < MERCATOR_MAX {
        meters *= 2.0;
        step += 1;
    }
    step -= 2;
    step -= i32::from(latitude.abs() > 66.0) + i32::from(latitude.abs() > 80.0);
    step.clamp(1, i32::from(STEP_MAX)) as u8
}

/// Whether the four neighbours reach the edges of the bounding box.
fn neighbours_cover(home: Cell, bounds: &Area) -> bool {
    home.neighbour(0, 1).area().north >= bounds.north
        && home.neighbour(0, -1).area().south <= bounds.south
        && home.neighbour(1, 0).area().east >= bounds.east
        && home.neighbour(-1, 0).area().west <= bounds.west
}

/// Drops the neighbours on the sides where the home cell itself reaches beyond the bounding box.
fn drop_useless(cells: &mut [Option<Cell>; 9], home: &Area, bounds: &Area) {
    for (cell, (east, north)) in cells.iter_mut().zip(OFFSETS) {
        let useless = (north < 0 && home.south < bounds.south)
            || (north > 0 && home.north > bounds.north)
            || (east < 0 && home.west < bounds.west)
            || (east > 0 && home.east > bounds.east);
        if useless {
            *cell = None;
        }
    }
}
