/// Reads JSON byte by byte. A run reads hundreds of thousands of answers, and a decoder that is asked for one type after
/// the other throws for each that a value is not.
struct JSONReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    /// A value with nothing but blanks around it; nil if it is not one.
    mutating func document() -> JSON? {
        guard let value = value() else { return nil }
        skipBlanks()
        return place == bytes.count ? value : nil
    }

    private mutating func value() -> JSON? {
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"): return object()
        case UInt8(ascii: "["): return array()
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "t"): return word("true", .bool(true))
        case UInt8(ascii: "f"): return word("false", .bool(false))
        case UInt8(ascii: "n"): return word("null", .null)
        default: return number()
        }
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipBlanks() {
        while place < bytes.count {
            let byte = bytes[place]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            place += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard next == byte else { return false }
        place += 1
        return true
    }

    private mutating func word(_ word: String, _ value: JSON) -> JSON? {
        guard bytes[place...].starts(with: word.utf8) else { return nil }
        place += word.utf8.count
        return value
    }

    private mutating func object() -> JSON? {
        place += 1
        var members: [String: JSON] = [:]
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipBlanks()
            guard let name = string(), take(UInt8(ascii: ":")), let value = value(),
                members.updateValue(value, forKey: name) == nil
            else { return nil }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) ? .object(members) : nil
    }

    private mutating func array() -> JSON? {
        place += 1
        var elements: [JSON] = []
        if take(UInt8(ascii: "]")) { return .array(elements) }
        repeat {
            guard let value = value() else { return nil }
            elements.append(value)
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "]")) ? .array(elements) : nil
    }

    private mutating func string() -> String? {
        guard next == UInt8(ascii: "\"") else { return nil }
        place += 1
        var text = ""
        var start = place
        while place < bytes.count {
            let byte = bytes[place]
            if byte == 0x22 || byte == 0x5C {
                text += String(decoding: bytes[start..<place], as: UTF8.self)
                place += 1
                if byte == 0x22 { return text }
                guard let character = escaped() else { return nil }
                text.unicodeScalars.append(character)
                start = place
            } else if byte < 0x20 {
                return nil
            } else {
                place += 1
            }
        }
        return nil
    }

    /// What stands after a backslash.
    private mutating func escaped() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        place += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "u"): return codePoint()
        default: return nil
        }
    }

    /// Four hexadecimal digits, or a pair of surrogates.
    private mutating func codePoint() -> Unicode.Scalar? {
        guard let unit = unit() else { return nil }
        guard unit & 0xFC00 == 0xD800 else { return Unicode.Scalar(unit) }
        guard bytes[place...].starts(with: "\\u".utf8) else { return nil }
        place += 2
        guard let low = self.unit(), low & 0xFC00 == 0xDC00 else { return nil }
        return Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF)
    }

    private mutating func unit() -> UInt32? {
        guard place + 4 <= bytes.count else { return nil }
        defer { place += 4 }
        let digits = String(decoding: bytes[place..<place + 4], as: UTF8.self)
        return digits.contains("+") || digits.contains("-") ? nil : UInt32(digits, radix: 16)
    }

    private mutating func number() -> JSON? {
        let start = place
        while let byte = next, isOfNumber(byte) { place += 1 }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        let digits = text.drop { $0 == "-" }
        guard text.utf8.count - digits.utf8.count <= 1, let first = digits.utf8.first, first != 0x2B, first != 0x2E,
            !digits.hasPrefix("0") || digits.dropFirst().first?.isNumber != true, !text.hasSuffix(".")
        else { return nil }
        if let number = Int(text) { return .int(number) }
        return Double(text).map { .number("\($0)") }
    }

    private func isOfNumber(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte == 0x2B || byte == 0x2D || byte == 0x2E || byte == 0x45 || byte == 0x65
    }
}
