package import Domain

/// Stripe's form encoding, in the order in which values were set: `a[b]=1&list[0]=x`.
///
/// Names are written as Stripe's documentation writes them, brackets included. A nil value is not sent. What shall be
/// cleared at Stripe is `unset`, which sends an empty value.
package struct FormEncoder: Hashable, Sendable {
    package struct Pair: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    package private(set) var pairs: [Pair] = []

    package init() {}

    package var isEmpty: Bool { pairs.isEmpty }

    package mutating func set(_ name: String, _ value: String?) {
        guard let value else { return }
        pairs.append(Pair(name: name, value: value))
    }

    package mutating func set(_ name: String, _ value: Int64?) { set(name, value.map { String($0) }) }
    package mutating func set(_ name: String, _ value: Int?) { set(name, value.map { String($0) }) }
    package mutating func set(_ name: String, _ value: Bool?) { set(name, value.map { $0 ? "true" : "false" }) }
    package mutating func set<Object>(_ name: String, _ value: StripeID<Object>?) { set(name, value?.rawValue) }
    package mutating func set(_ name: String, _ value: Currency?) { set(name, value?.code) }
    package mutating func set(_ name: String, _ value: (some OpenEnum)?) { set(name, value?.rawValue) }

    /// Unix seconds.
    package mutating func set(_ name: String, _ value: Timestamp?) { set(name, value?.seconds) }

    /// Clears the value at Stripe.
    package mutating func unset(_ name: String) { set(name, "") }

    /// An indexed array: `name[0]=…&name[1]=…`. An empty one is sent as `name=`, which clears it at Stripe.
    package mutating func set(_ name: String, list values: [String]?) {
        guard let values else { return }
        guard !values.isEmpty else { return unset(name) }
        for (index, value) in values.enumerated() { set("\(name)[\(index)]", value) }
    }

    /// `name[key]=value` by key. Stripe merges: an empty value deletes that key, absent keys stay.
    package mutating func set(_ name: String, metadata: [String: String]) {
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { set("\(name)[\(key)]", value) }
    }

    /// `expand[0]=…`; nothing if nothing is to be expanded.
    package mutating func set(expand fields: [String]) {
        if !fields.isEmpty { set("expand", list: fields) }
    }

    /// `created[gte]`, `created[lt]` and the cursor of a list.
    package mutating func set(_ page: StripePage) {
        set("limit", page.limit)
        set("starting_after", page.startingAfter)
        set("created[gte]", page.createdFrom)
        set("created[lt]", page.createdBefore)
    }

    /// `application/x-www-form-urlencoded`. Brackets in names stay readable, as Stripe's own libraries send them.
    package var encoded: String {
        var text: [UInt8] = []
        for pair in pairs {
            if !text.isEmpty { text.append(UInt8(ascii: "&")) }
            PercentEncoding.append(pair.name, to: &text, keeping: PercentEncoding.unreservedAndBrackets)
            text.append(UInt8(ascii: "="))
            PercentEncoding.append(pair.value, to: &text, keeping: PercentEncoding.unreserved)
        }
        return String(decoding: text, as: UTF8.self)
    }
}

enum PercentEncoding {
    static let unreserved = table("")
    static let unreservedAndBrackets = table("[]")

    static func append(_ text: String, to output: inout [UInt8], keeping kept: [Bool]) {
        for byte in text.utf8 {
            if kept[Int(byte)] {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 15)])
            }
        }
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func table(_ further: String) -> [Bool] {
        var kept = [Bool](repeating: false, count: 256)
        let unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
        for byte in (unreserved + further).utf8 { kept[Int(byte)] = true }
        return kept
    }
}
