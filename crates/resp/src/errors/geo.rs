//! Geo.

use crate::ReplyError;

texts! {
    UNSUPPORTED_UNIT = "ERR unsupported unit provided. please use M, KM, FT, MI";
    RADIUS_NOT_NUMERIC = "ERR need numeric radius";
    WIDTH_NOT_NUMERIC = "ERR need numeric width";
    HEIGHT_NOT_NUMERIC = "ERR need numeric height";
    RADIUS_NEGATIVE = "ERR radius cannot be negative";
    SIDE_NEGATIVE = "ERR height or width cannot be negative";
    MEMBER_NOT_FOUND = "ERR could not decode requested zset member";
    UNKNOWN_SEARCH_TYPE = "ERR Unknown georadius search type";
    COUNT_NOT_POSITIVE = "ERR COUNT must be > 0";
    POLYGON_TOO_SMALL = "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices";
    ANY_WITHOUT_COUNT = "ERR the ANY argument requires COUNT argument";
}

compositions! {
    invalid_pair(longitude: &str, latitude: &str) =
        "ERR invalid longitude,latitude pair ", longitude, ",", latitude;
    store_incompatible(command: &str) =
        "ERR ", command, " is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
    exactly_one_from(command: &str) =
        "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ", command;
    exactly_one_by(command: &str) =
        "ERR exactly one of BYRADIUS and BYBOX can be specified for ", command;
}
