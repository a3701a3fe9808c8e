/// `stripeAccount` to `stripe_account`, `externalID` to `external_id`, `checkoutURL` to `checkout_url`.
/// Names that are written in snake case already stay as they are.
func snakeCased(_ name: String) -> String {
    let letters = Array(name.utf8)
    guard letters.contains(where: isUppercase) else { return name }
    var result: [UInt8] = []
    result.reserveCapacity(letters.count + 4)
    for (index, letter) in letters.enumerated() {
        guard isUppercase(letter) else {
            result.append(letter)
            continue
        }
        let afterLowercase = index > 0 && !isUppercase(letters[index - 1]) && letters[index - 1] != UInt8(ascii: "_")
        let endsAcronym =
            index > 0 && isUppercase(letters[index - 1]) && index + 1 < letters.count
            && isLowercase(letters[index + 1])
        if afterLowercase || endsAcronym { result.append(UInt8(ascii: "_")) }
        result.append(letter | 0x20)
    }
    return String(decoding: result, as: UTF8.self)
}

private func isUppercase(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
private func isLowercase(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }

/// A dictionary whose keys are the caller's own words, such as metadata: they are never turned into snake case.
protocol StringKeyedDictionary {}
extension Dictionary: StringKeyedDictionary where Key == String {}

/// A step in the path to a value: a name as it stands in the JSON, or a position in an array.
struct JSONKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) {
        stringValue = name
        intValue = nil
    }

    init(index: Int) {
        stringValue = String(index)
        intValue = index
    }

    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(index: intValue) }
}

extension Collection where Element == any CodingKey {
    /// `lines[2].quantity`; nil for the whole value.
    var parameterPath: String? {
        guard !isEmpty else { return nil }
        var path = ""
        for key in self {
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += path.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return path
    }
}
