//! Geo: positions kept as the scores of sorted sets.
//!
//! A position is a 52-bit geohash; searches look at a few ranges of scores and judge what is in
//! them (see `datatypes::geo`). All results agree with Redis's to the last digit.

mod add;
mod lookup;
mod search;
mod store;
#[cfg(test)]
mod tests;

use datatypes::geo::Point;
use resp::{ReplyError, ReplyWriter, errors};
use std::io::Write;

use crate::command::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &add::GEOADD,
    &lookup::GEODIST,
    &lookup::GEOHASH,
    &lookup::GEOPOS,
    &search::GEORADIUS,
    &search::GEORADIUSBYMEMBER,
    &search::GEORADIUSBYMEMBER_RO,
    &search::GEORADIUS_RO,
    &search::GEOSEARCH,
    &search::GEOSEARCHSTORE,
];

/// Reads a position.
///
/// # Errors
/// Not numbers, or off the map.
fn point(longitude: &[u8], latitude: &[u8]) -> Result<Point, ReplyError> {
    let parse = |text| common::number::parse_f64(text).ok_or(errors::NOT_FLOAT);
    let point = Point {
        longitude: parse(longitude)?,
        latitude: parse(latitude)?,
    };
    if !point.is_valid() {
        return Err(errors::geo::invalid_pair(
            &format!("{:.6}", point.longitude),
            &format!("{:.6}", point.latitude),
        ));
    }
    Ok(point)
}

/// Meters in a unit.
///
/// # Errors
/// None of the units.
fn unit(name: &[u8]) -> Result<f64, ReplyError> {
    datatypes::geo::unit_meters(name).ok_or(errors::geo::UNSUPPORTED_UNIT)
}

/// Writes a distance with four digits behind the point.
fn write_distance(distance: f64, out: &mut ReplyWriter<'_>) {
    let ten_thousandths = (distance * 10_000.0).round_ties_even() as u64;
    let mut text = [0; 32];
    let mut rest = &mut text[..];
    let (whole, part) = (ten_thousandths / 10_000, ten_thousandths % 10_000);
    // 20 digits, a point and 4 digits always fit.
    let _ = write!(rest, "{whole}.{part:04}");
    let len = 32 - rest.len();
    out.bulk(&text[..len]);
}

/// Writes a position: two doubles with up to 17 digits behind the point.
fn write_point(point: Point, out: &mut ReplyWriter<'_>) {
    out.array(2);
    for degrees in [point.longitude, point.latitude] {
        let mut text = [0; 32];
        let mut rest = &mut text[..];
        // A sign, 3 digits, a point and 17 digits always fit.
        let _ = write!(rest, "{degrees:.17}");
        let len = 32 - rest.len();
        let digits = without_zeros(&text[..len]);
        out.double_text(if digits == b"-0" { b"0" } else { digits });
    }
}

/// Without zeros at the end, nor a point that they leave there.
fn without_zeros(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|b| *b != b'0').map_or(0, |at| at + 1);
    let text = &text[..end];
    text.strip_suffix(b".").unwrap_or(text)
}
