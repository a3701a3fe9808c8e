/// A type's number in PostgreSQL's catalogue. The built-in ones never change.
package struct PostgresType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let bool = Self(rawValue: 16)
    package static let bytea = Self(rawValue: 17)
    package static let char = Self(rawValue: 18)
    package static let name = Self(rawValue: 19)
    package static let int8 = Self(rawValue: 20)
    package static let int2 = Self(rawValue: 21)
    package static let int4 = Self(rawValue: 23)
    package static let text = Self(rawValue: 25)
    package static let oid = Self(rawValue: 26)
    package static let json = Self(rawValue: 114)
    package static let float4 = Self(rawValue: 700)
    package static let float8 = Self(rawValue: 701)
    package static let unknown = Self(rawValue: 705)
    package static let boolArray = Self(rawValue: 1000)
    package static let byteaArray = Self(rawValue: 1001)
    package static let nameArray = Self(rawValue: 1003)
    package static let int2Array = Self(rawValue: 1005)
    package static let int4Array = Self(rawValue: 1007)
    package static let textArray = Self(rawValue: 1009)
    package static let varcharArray = Self(rawValue: 1015)
    package static let int8Array = Self(rawValue: 1016)
    package static let float8Array = Self(rawValue: 1022)
    package static let bpchar = Self(rawValue: 1042)
    package static let varchar = Self(rawValue: 1043)
    package static let date = Self(rawValue: 1082)
    package static let timestamp = Self(rawValue: 1114)
    package static let timestamptz = Self(rawValue: 1184)
    package static let timestamptzArray = Self(rawValue: 1185)
    package static let interval = Self(rawValue: 1186)
    package static let intervalArray = Self(rawValue: 1187)
    package static let numeric = Self(rawValue: 1700)
    package static let uuid = Self(rawValue: 2950)
    package static let void = Self(rawValue: 2278)
    package static let jsonb = Self(rawValue: 3802)
    package static let jsonbArray = Self(rawValue: 3807)

    /// Types that an extension or a CREATE TYPE made: enums, citext and the like.
    var isUserDefined: Bool { rawValue >= 16384 }

    package var description: String {
        Self.names[self] ?? (isUserDefined ? "a user-defined type (oid \(rawValue))" : "oid \(rawValue)")
    }

    private static let names: [PostgresType: String] = [
        .bool: "boolean", .bytea: "bytea", .char: "\"char\"", .name: "name", .int8: "bigint", .int2: "smallint",
        .int4: "integer", .text: "text", .oid: "oid", .json: "json", .float4: "real", .float8: "double precision",
        .unknown: "unknown", .boolArray: "boolean[]", .byteaArray: "bytea[]", .nameArray: "name[]",
        .int2Array: "smallint[]", .int4Array: "integer[]", .textArray: "text[]", .varcharArray: "varchar[]",
        .int8Array: "bigint[]", .float8Array: "double precision[]", .bpchar: "character", .varchar: "varchar",
        .date: "date", .timestamp: "timestamp without time zone", .timestamptz: "timestamptz",
        .timestamptzArray: "timestamptz[]", .interval: "interval", .intervalArray: "interval[]",
        .numeric: "numeric", .uuid: "uuid", .void: "void", .jsonb: "jsonb", .jsonbArray: "jsonb[]",
    ]
}
