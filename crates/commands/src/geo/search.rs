//! GEOSEARCH, GEOSEARCHSTORE and the older GEORADIUS family: parsing, and finding who is inside.
//!
//! The order of the checks is Redis's: the type of the key first, then each option as it comes.

use datatypes::Zset;
use datatypes::geo::{Hit, Point, Search, Shape};
use datatypes::listpack::Item;
use datatypes::zset::ScoreRange;
use resp::{Args, ReplyError, ReplyWriter, errors};

use super::store;
use crate::command::flag::{DENYOOM, READONLY, SETTLES, WRITE};
use crate::command::{Command, Group, KeySpec, category};
use crate::cost::{self, Cost};
use crate::ctx::{CmdResult, Ctx};
use crate::zsets;

/// `GEOSEARCH`
pub const GEOSEARCH: Command = Command::new("geosearch", -7, geosearch)
    .group(Group::Geo)
    .since("6.2.0")
    .docs(
        "Returns the members within a circle, a box or a polygon.",
        "O(N+log(M))",
    )
    .flags(READONLY)
    .categories(category::GEO)
    .keys(&[KeySpec::at(1, "RO access")])
    .args(
        "key:key@0 from(member=FROMMEMBER | \
         longitude_latitude=FROMLONLAT{longitude:double latitude:double}) \
         by(circle{radius:double=BYRADIUS unit(m=M! | km=KM! | ft=FT! | mi=MI!)} | \
         box{width:double=BYBOX height:double unit(m=M! | km=KM! | ft=FT! | mi=MI!)}) \
         order?(asc=ASC! | desc=DESC!) count?{count:integer=COUNT any=ANY!?} \
         withcoord=WITHCOORD!? withdist=WITHDIST!? withhash=WITHHASH!?",
    )
    .cost(Cost::Before(cost::reply));

/// `GEOSEARCHSTORE`
pub const GEOSEARCHSTORE: Command = Command::new("geosearchstore", -8, geosearchstore)
    .group(Group::Geo)
    .since("6.2.0")
    .docs(
        "Stores the members within a circle, a box or a polygon in a key.",
        "O(N+log(M))",
    )
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::GEO)
    .keys(&[KeySpec::at(1, "OW update"), KeySpec::at(2, "RO access")])
    .args(
        "destination:key@0 source:key@1 from(member=FROMMEMBER | \
         longitude_latitude=FROMLONLAT{longitude:double latitude:double}) \
         by(circle{radius:double=BYRADIUS unit(m=M! | km=KM! | ft=FT! | mi=MI!)} | \
         box{width:double=BYBOX height:double unit(m=M! | km=KM! | ft=FT! | mi=MI!)}) \
         order?(asc=ASC! | desc=DESC!) count?{count:integer=COUNT any=ANY!?} \
         storedist=STOREDIST!?",
    )
    .cost(Cost::Before(cost::sort_all));

/// `GEORADIUS`
pub const GEORADIUS: Command = Command::new("georadius", -6, georadius)
    .group(Group::Geo)
    .since("3.2.0")
    .docs(
        "Returns the members within a circle, or stores them.",
        "O(N+log(M))",
    )
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::GEO)
    .deprecated(
        "6.2.0",
        "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
    )
    .keys(&[
        KeySpec::at(1, "RO access"),
        KeySpec::keyword("STORE", 6, "OW update"),
        KeySpec::keyword("STOREDIST", 6, "OW update"),
    ])
    .key_finder(find_keys)
    .args(
        "key:key@0 longitude:double latitude:double radius:double unit(m=M! | km=KM! | \
         ft=FT! | mi=MI!) withcoord=WITHCOORD!? withdist=WITHDIST!? withhash=WITHHASH!? \
         count?{count:integer=COUNT any=ANY!?^6.2.0} order?(asc=ASC! | desc=DESC!) \
         key:key@1=STORE? key:key@2=STOREDIST?",
    )
    .cost(Cost::Before(cost::reply));

/// `GEORADIUS_RO`
pub const GEORADIUS_RO: Command = Command::new("georadius_ro", -6, georadius_ro)
    .group(Group::Geo)
    .since("3.2.10")
    .docs("Returns the members within a circle.", "O(N+log(M))")
    .flags(READONLY)
    .categories(category::GEO)
    .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
    .keys(&[KeySpec::at(1, "RO access")])
    .args(
        "key:key@0 longitude:double latitude:double radius:double unit(m=M! | km=KM! | \
         ft=FT! | mi=MI!) withcoord=WITHCOORD!? withdist=WITHDIST!? withhash=WITHHASH!? \
         count?{count:integer=COUNT any=ANY!?^6.2.0} order?(asc=ASC! | desc=DESC!)",
    )
    .cost(Cost::Before(cost::reply));

/// `GEORADIUSBYMEMBER`
pub const GEORADIUSBYMEMBER: Command = Command::new("georadiusbymember", -5, georadiusbymember)
    .group(Group::Geo)
    .since("3.2.0")
    .docs(
        "Returns the members within a circle around a member, or stores them.",
        "O(N+log(M))",
    )
    .flags(WRITE | DENYOOM | SETTLES)
    .categories(category::GEO)
    .deprecated(
        "6.2.0",
        "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
    )
    .keys(&[
        KeySpec::at(1, "RO access"),
        KeySpec::keyword("STORE", 5, "OW update"),
        KeySpec::keyword("STOREDIST", 5, "OW update"),
    ])
    .key_finder(find_keys)
    .args(
        "key:key@0 member radius:double unit(m=M! | km=KM! | ft=FT! | mi=MI!) \
         withcoord=WITHCOORD!? withdist=WITHDIST!? withhash=WITHHASH!? \
         count?{count:integer=COUNT any=ANY!?} order?(asc=ASC! | desc=DESC!) \
         key:key@1=STORE? key:key@2=STOREDIST?",
    )
    .cost(Cost::Before(cost::reply));

/// `GEORADIUSBYMEMBER_RO`
pub const GEORADIUSBYMEMBER_RO: Command =
    Command::new("georadiusbymember_ro", -5, georadiusbymember_ro)
        .group(Group::Geo)
        .since("3.2.10")
        .docs(
            "Returns the members within a circle around a member.",
            "O(N+log(M))",
        )
        .flags(READONLY)
        .categories(category::GEO)
        .deprecated(
            "6.2.0",
            "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
        )
        .keys(&[KeySpec::at(1, "RO access")])
        .args(
            "key:key@0 member radius:double unit(m=M! | km=KM! | ft=FT! | mi=MI!) \
         withcoord=WITHCOORD!? withdist=WITHDIST!? withhash=WITHHASH!? \
         count?{count:integer=COUNT any=ANY!?} order?(asc=ASC! | desc=DESC!)",
        )
        .cost(Cost::Before(cost::reply));

/// The target of the last STORE or STOREDIST, which is the one that counts.
fn find_keys(args: Args<'_>, found: &mut dyn FnMut(usize, &'static str)) {
    found(1, "RO access");
    let is_store = |at: &usize| {
        let word = args.at(*at);
        word.eq_ignore_ascii_case(b"STORE") || word.eq_ignore_ascii_case(b"STOREDIST")
    };
    let mut target = None;
    let mut at = 5;
    while at + 1 < args.len() {
        if is_store(&at) {
            target = Some(at + 1);
            at += 1;
        }
        at += 1;
    }
    if let Some(target) = target {
        found(target, "OW update");
    }
}

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// GEORADIUS; whether it may store.
    Around(bool),
    /// GEORADIUSBYMEMBER; whether it may store.
    AroundMember(bool),
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
}

impl Form {
    fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }
}

/// What BY… says, before the centre is known.
#[derive(Clone, Debug)]
enum Extent {
    Radius(f64),
    Box(f64, f64),
    Polygon(Vec<Point>),
}

/// A parsed command.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    centre: Option<Point>,
    /// A centre was asked for that cannot be known, since the key is not there.
    has_centre: bool,
    extent: Option<Extent>,
    /// Meters in a unit.
    pub(super) unit: f64,
    with_distance: bool,
    with_hash: bool,
    with_position: bool,
    any: bool,
    /// 0 for all.
    count: usize,
    /// Whether distances ascend or descend.
    ascending: Option<bool>,
    pub(super) store: Option<&'a [u8]>,
    pub(super) store_distances: bool,
}

fn number(text: &[u8], error: ReplyError) -> Result<f64, ReplyError> {
    common::number::parse_f64(text).ok_or(error)
}

impl<'a> Query<'a> {
    fn parse(args: Args<'a>, form: Form, zset: Option<&Zset>) -> Result<Self, ReplyError> {
        let mut query = Self {
            unit: 1.0,
            ..Self::default()
        };
        let first = match form {
            Form::Around(_) => {
                query.centre = Some(super::point(args.at(2), args.at(3))?);
                query.parse_radius(args.at(4), args.at(5))?;
                6
            }
            Form::AroundMember(_) => {
                if let Some(zset) = zset {
                    query.centre = Some(member_point(zset, args.at(2))?);
                    query.parse_radius(args.at(3), args.at(4))?;
                }
                5
            }
            Form::Search => 2,
            Form::SearchStore => {
                query.store = Some(args.at(1));
                3
            }
        };
        let words = args.from(first);
        let mut at = 0;
        while at < words.len() {
            at = match query.parse_plain(words, at, form)? {
                Some(next) => next,
                None if form.is_search() => query.parse_search(words, at, zset)?,
                None => return Err(errors::SYNTAX),
            };
        }
        query.check(args, form)?;
        Ok(query)
    }

    fn parse_radius(&mut self, radius: &[u8], unit: &[u8]) -> Result<(), ReplyError> {
        let radius = number(radius, errors::geo::RADIUS_NOT_NUMERIC)?;
        if radius < 0.0 {
            return Err(errors::geo::RADIUS_NEGATIVE);
        }
        self.unit = super::unit(unit)?;
        self.extent = Some(Extent::Radius(radius));
        Ok(())
    }

    /// Options that all forms know; answers where the next one is.
    fn parse_plain(
        &mut self,
        words: Args<'a>,
        at: usize,
        form: Form,
    ) -> Result<Option<usize>, ReplyError> {
        let is = |name: &[u8]| words.at(at).eq_ignore_ascii_case(name);
        let may_store = matches!(form, Form::Around(true) | Form::AroundMember(true));
        let value = words.get(at + 1);
        match value {
            _ if is(b"WITHDIST") => self.with_distance = true,
            _ if is(b"WITHHASH") => self.with_hash = true,
            _ if is(b"WITHCOORD") => self.with_position = true,
            _ if is(b"ANY") => self.any = true,
            _ if is(b"ASC") => self.ascending = Some(true),
            _ if is(b"DESC") => self.ascending = Some(false),
            _ if is(b"STOREDIST") && form == Form::SearchStore => self.store_distances = true,
            Some(text) if is(b"COUNT") => {
                let count = common::number::parse_i64(text).ok_or(errors::NOT_INTEGER)?;
                self.count = usize::try_from(count)
                    .ok()
                    .filter(|count| *count > 0)
                    .ok_or(errors::geo::COUNT_NOT_POSITIVE)?;
                return Ok(Some(at + 2));
            }
            Some(key) if may_store && (is(b"STORE") || is(b"STOREDIST")) => {
                self.store = Some(key);
                self.store_distances = is(b"STOREDIST");
                return Ok(Some(at + 2));
            }
            _ => return Ok(None),
        }
        Ok(Some(at + 1))
    }

    /// Options of GEOSEARCH; answers where the next one is.
    fn parse_search(
        &mut self,
        words: Args<'a>,
        at: usize,
        zset: Option<&Zset>,
    ) -> Result<usize, ReplyError> {
        let is = |name: &[u8]| words.at(at).eq_ignore_ascii_case(name);
        let left = words.len() - at - 1;
        let (by_radius, by_box) = match self.extent {
            None => (true, true),
            Some(Extent::Radius(_)) => (true, false),
            Some(Extent::Box(..)) => (false, true),
            Some(Extent::Polygon(_)) => (false, false),
        };
        if is(b"FROMMEMBER") && left >= 1 && (self.centre.is_none() || zset.is_none()) {
            if let Some(zset) = zset {
                self.centre = Some(member_point(zset, words.at(at + 1))?);
            }
            self.has_centre = true;
            Ok(at + 2)
        } else if is(b"FROMLONLAT") && left >= 2 && !self.has_centre {
            self.centre = Some(super::point(words.at(at + 1), words.at(at + 2))?);
            self.has_centre = true;
            Ok(at + 3)
        } else if is(b"BYRADIUS") && left >= 2 && by_radius {
            self.parse_radius(words.at(at + 1), words.at(at + 2))?;
            Ok(at + 3)
        } else if is(b"BYBOX") && left >= 3 && by_box {
            let width = number(words.at(at + 1), errors::geo::WIDTH_NOT_NUMERIC)?;
            let height = number(words.at(at + 2), errors::geo::HEIGHT_NOT_NUMERIC)?;
            if width < 0.0 || height < 0.0 {
                return Err(errors::geo::SIDE_NEGATIVE);
            }
            self.unit = super::unit(words.at(at + 3))?;
            self.extent = Some(Extent::Box(width, height));
            Ok(at + 4)
        } else if is(b"BYPOLYGON") && left >= 1 && self.extent.is_none() {
            self.parse_polygon(words, at + 1)
        } else {
            Err(errors::SYNTAX)
        }
    }

    fn parse_polygon(&mut self, words: Args<'a>, at: usize) -> Result<usize, ReplyError> {
        let count = common::number::parse_i64(words.at(at)).ok_or(errors::NOT_INTEGER)?;
        let count = usize::try_from(count)
            .ok()
            .filter(|count| *count >= 3)
            .ok_or(errors::geo::POLYGON_TOO_SMALL)?;
        if count > (words.len() - at - 1) / 2 {
            return Err(errors::SYNTAX);
        }
        let vertex = |i| super::point(words.at(at + 1 + i * 2), words.at(at + 2 + i * 2));
        let vertices: Result<Vec<Point>, ReplyError> = (0..count).map(vertex).collect();
        self.extent = Some(Extent::Polygon(vertices?));
        Ok(at + 1 + count * 2)
    }

    fn check(&mut self, args: Args<'_>, form: Form) -> Result<(), ReplyError> {
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_position) {
            return Err(errors::geo::store_incompatible(match form {
                Form::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            }));
        }
        if form.is_search() {
            let name = String::from_utf8_lossy(args.at(0));
            let is_polygon = matches!(self.extent, Some(Extent::Polygon(_)));
            if self.has_centre == is_polygon {
                return Err(errors::geo::exactly_one_from(&name));
            }
            if self.extent.is_none() {
                return Err(errors::geo::exactly_one_by(&name));
            }
        }
        if self.any && self.count == 0 {
            return Err(errors::geo::ANY_WITHOUT_COUNT);
        }
        // The nearest are wanted, unless any will do.
        if self.count > 0 && !self.any && self.ascending.is_none() {
            self.ascending = Some(true);
        }
        Ok(())
    }

    fn shape(&self) -> Option<Shape> {
        let unit = self.unit;
        Some(match self.extent.clone()? {
            Extent::Polygon(vertices) => Shape::Polygon { vertices },
            Extent::Radius(radius) => Shape::Circle {
                centre: self.centre?,
                radius,
                unit,
            },
            Extent::Box(width, height) => Shape::Box {
                centre: self.centre?,
                width,
                height,
                unit,
            },
        })
    }

    /// Who is inside, in the order and number asked for.
    fn run<'z>(&self, zset: &'z Zset) -> Vec<Found<'z>> {
        let mut found = match self.shape() {
            Some(shape) => self.collect(zset, &Search::new(shape)),
            None => Vec::new(),
        };
        let Some(ascending) = self.ascending else {
            return found;
        };
        let order = |a: &Found<'_>, b: &Found<'_>| {
            let order = a.hit.distance.total_cmp(&b.hit.distance);
            if ascending { order } else { order.reverse() }
        };
        if self.count > 0 && self.count < found.len() {
            found.select_nth_unstable_by(self.count - 1, order);
            found.truncate(self.count);
        }
        found.sort_by(order);
        found
    }

    fn collect<'z>(&self, zset: &'z Zset, search: &Search) -> Vec<Found<'z>> {
        let mut found = Vec::new();
        for (min, max) in search.ranges() {
            let ranks = zset.ranks_by_score(&ScoreRange {
                min,
                min_excluded: false,
                max,
                max_excluded: true,
            });
            for (member, score) in zset.iter(ranks, false) {
                let Some(hit) = search.hit(score) else {
                    continue;
                };
                found.push(Found { member, score, hit });
                if self.any && found.len() >= self.count {
                    return found;
                }
            }
        }
        found
    }

    fn reply(&self, found: &[Found<'_>], out: &mut ReplyWriter<'_>) {
        let options = [self.with_distance, self.with_hash, self.with_position];
        let extras = options.iter().filter(|option| **option).count();
        out.array(found.len());
        for Found { member, score, hit } in found {
            if extras > 0 {
                out.array(extras + 1);
            }
            crate::collection::reply_item(*member, out);
            if self.with_distance {
                super::write_distance(hit.distance / self.unit, out);
            }
            if self.with_hash {
                out.integer(*score as i64);
            }
            if self.with_position {
                super::write_point(hit.point, out);
            }
        }
    }
}

/// A member inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'z> {
    pub(super) member: Item<'z>,
    pub(super) score: f64,
    pub(super) hit: Hit,
}

fn member_point(zset: &Zset, member: &[u8]) -> Result<Point, ReplyError> {
    let score = zset.score(member).ok_or(errors::geo::MEMBER_NOT_FOUND)?;
    Ok(Point::decode(score))
}

fn geosearch(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    search(ctx, args, Form::Search, out)
}

fn geosearchstore(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    search(ctx, args, Form::SearchStore, out)
}

fn georadius(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    search(ctx, args, Form::Around(true), out)
}

fn georadius_ro(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    search(ctx, args, Form::Around(false), out)
}

fn georadiusbymember(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    search(ctx, args, Form::AroundMember(true), out)
}

fn georadiusbymember_ro(ctx: &mut Ctx<'_>, args: Args<'_>, out: &mut ReplyWriter<'_>) -> CmdResult {
    search(ctx, args, Form::AroundMember(false), out)
}

fn search(ctx: &mut Ctx<'_>, args: Args<'_>, form: Form, out: &mut ReplyWriter<'_>) -> CmdResult {
    let source = args.at(if form == Form::SearchStore { 2 } else { 1 });
    let zset = zsets::read(ctx, source)?;
    let query = Query::parse(args, form, zset)?;
    let found = zset.map_or_else(Vec::new, |zset| query.run(zset));
    let Some(target) = query.store else {
        query.reply(&found, out);
        return Ok(());
    };
    let event = if form.is_search() {
        "geosearchstore"
    } else {
        "georadiusstore"
    };
    let (result, count) = store::collect(&query, &found, zsets::limits(ctx.server));
    drop(found);
    ctx.settle(args)?;
    store::store(ctx, target, result, count, event, out);
    Ok(())
}
