//! Geohash cells: a rectangle of the map named by the interleaved leading bits of its coordinates.
//!
//! A cell of step `s` has `s` bits of latitude (even positions) and `s` of longitude (odd ones).
//! Neighbours wrap around the map's edges, as Redis's do.

use super::{LATITUDE_MAX, LONGITUDE_MAX, Point};

/// The coordinates that a whole map covers.
pub(super) struct Extent {
    longitude: f64,
    latitude: f64,
}

impl Extent {
    /// What scores are encoded over.
    pub(super) const MERCATOR: Extent = Extent {
        longitude: LONGITUDE_MAX,
        latitude: LATITUDE_MAX,
    };
    /// What standard geohash strings are encoded over.
    pub(super) const STANDARD: Extent = Extent {
        longitude: LONGITUDE_MAX,
        latitude: 90.0,
    };
}

/// One cell; `step` 1 to 26.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) bits: u64,
    pub(super) step: u8,
}

/// The coordinates that a cell covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

impl Area {
    pub(super) fn middle(&self) -> Point {
        Point {
            longitude: ((self.west + self.east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((self.south + self.north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }
}

const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;
const LONGITUDE_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;

impl Cell {
    /// The cell of `step` bits per coordinate that holds `point`.
    pub(super) fn around(point: Point, extent: &Extent, step: u8) -> Cell {
        let cells = (1u64 << step) as f64;
        let latitude = (point.latitude + extent.latitude) / (extent.latitude * 2.0) * cells;
        let longitude = (point.longitude + extent.longitude) / (extent.longitude * 2.0) * cells;
        Cell {
            bits: spread(latitude as u32) | spread(longitude as u32) << 1,
            step,
        }
    }

    pub(super) fn area(self) -> Area {
        let cells = (1u64 << self.step) as f64;
        let (lat_scale, lon_scale) = (LATITUDE_MAX * 2.0, LONGITUDE_MAX * 2.0);
        let lat = f64::from(gather(self.bits));
        let lon = f64::from(gather(self.bits >> 1));
        Area {
            south: -LATITUDE_MAX + lat / cells * lat_scale,
            north: -LATITUDE_MAX + (lat + 1.0) / cells * lat_scale,
            west: -LONGITUDE_MAX + lon / cells * lon_scale,
            east: -LONGITUDE_MAX + (lon + 1.0) / cells * lon_scale,
        }
    }

    /// The cell `east` cells to the east and `north` to the north (each -1, 0 or 1).
    pub(super) fn neighbour(self, east: i8, north: i8) -> Cell {
        let unused = 64 - u32::from(self.step) * 2;
        let x = shift(self.bits & LONGITUDE_BITS, LATITUDE_BITS >> unused, east);
        let y = shift(self.bits & LATITUDE_BITS, LONGITUDE_BITS >> unused, north);
        let bits = x & (LONGITUDE_BITS >> unused) | y & (LATITUDE_BITS >> unused);
        Cell {
            bits,
            step: self.step,
        }
    }

    /// The lowest score within this cell.
    pub(super) fn aligned(self) -> u64 {
        self.bits << (52 - self.step * 2)
    }

    /// The scores within this cell: from the first, up to but without the second.
    pub(super) fn scores(self) -> (f64, f64) {
        let next = Cell {
            bits: self.bits + 1,
            step: self.step,
        };
        (self.aligned() as f64, next.aligned() as f64)
    }
}

/// Adds or takes one from a coordinate whose bits are interleaved with `others`.
fn shift(coordinate: u64, others: u64, by: i8) -> u64 {
    match by {
        0 => coordinate,
        1.. => coordinate.wrapping_add(others.wrapping_add(1)),
        _ => (coordinate | others).wrapping_sub(others.wrapping_add(1)),
    }
}

/// Spreads 32 bits over the even positions of 64 (Morton order).
fn spread(value: u32) -> u64 {
    let mut x = u64::from(value);
    x = (x | x << 16) & 0x0000_ffff_0000_ffff;
    x = (x | x << 8) & 0x00ff_00ff_00ff_00ff;
    x = (x | x << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    x = (x | x << 2) & 0x3333_3333_3333_3333;
    (x | x << 1) & 0x5555_5555_5555_5555
}

/// Undoes [`spread`]: the even bits, packed.
fn gather(bits: u64) -> u32 {
    let mut x = bits & 0x5555_5555_5555_5555;
    x = (x | x >> 1) & 0x3333_3333_3333_3333;
    x = (x | x >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    x = (x | x >> 4) & 0x00ff_00ff_00ff_00ff;
    x = (x | x >> 8) & 0x0000_ffff_0000_ffff;
    (x | x >> 16) as u32
}
