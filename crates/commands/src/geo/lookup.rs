//! GEOPOS, GEODIST and GEOHASH.
//!
//! Positions come from the scores of a sorted set and lose some precision on the way, just as in
//! Redis. Members that are not there are answered with nothing, not with an error.

use datatypes::geo::{self, Point};
use resp::{Args, ReplyWriter, errors};

use crate::command::flag::READONLY;
use crate::command::{Command, Group, KeySpec, category};
use crate::ctx::{CmdResult, Ctx};
use crate::zsets;

/// `GEOHASH`
pub const GEOHASH: Command = Command::new("geohash", -2, geohash)
    .group(Group::Geo)
    .since("3.2.0")
    .docs("Returns the geohash strings of members.", "O(log(N))")
    .flags(READONLY)
    .categories(category::GEO)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 member*");

/// `GEOPOS`
pub const GEOPOS: Command = Command::new("geopos", -2, geopos)
    .group(Group::Geo)
    .since("3.2.0")
    .docs("Returns the positions of members.", "O(N)")
    .flags(READONLY)
    .categories(category::GEO)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 member*");

/// `GEODIST`
pub const GEODIST: Command = Command::new("geodist", -4, geodist)
    .group(Group::Geo)
    .since("3.2.0")
    .docs("Returns the distance between two members.", "O(log(N))")
    .flags(READONLY)
    .categories(category::GEO)
    .keys(&[KeySpec::at(1, "RO access")])
    .args("key:key@0 member1 member2 unit?(m=M! | km=KM! | ft=FT! | mi=MI!)");

fn geohash(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let zset = zsets::read(ctx, args.at(1))?;
    out.array(args.len() - 2);
    for member in args.from(2).iter() {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => out.bulk(&geo::geohash_text(score)),
            None => out.null(),
        }
    }
    Ok(())
}

fn geopos(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let zset = zsets::read(ctx, args.at(1))?;
    out.array(args.len() - 2);
    for member in args.from(2).iter() {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => super::write_point(Point::decode(score), out),
            None => out.null_array(),
        }
    }
    Ok(())
}

fn geodist(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    let unit = match args.len() {
        4 => 1.0,
        5 => super::unit(args.at(4))?,
        _ => return Err(errors::SYNTAX),
    };
    let zset = zsets::read(ctx, args.at(1))?;
    let place = |at| Some(Point::decode(zset?.score(args.at(at))?));
    match (place(2), place(3)) {
        (Some(from), Some(to)) => super::write_distance(from.distance(to) / unit, out),
        _ => out.null(),
    }
    Ok(())
}
