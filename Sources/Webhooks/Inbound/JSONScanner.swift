import Domain

/// Walks over JSON bytes and reads only what is asked for. It never recurses, so depth costs nothing, and it is lenient
/// inside values that are skipped: there only strings and brackets count.
struct JSONScanner {
    struct Fault: Error {
        let message: String
        let offset: Int
    }

    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8], from offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    /// Visits the members of the object that comes next. The visitor must consume each value.
    mutating func object(
        _ visit: (_ key: String, _ scanner: inout JSONScanner) throws(Fault) -> Void
    ) throws(Fault) {
        try expect(UInt8(ascii: "{"), "an object is expected")
        guard !take(UInt8(ascii: "}")) else { return }
        repeat {
            guard let key = try string() else { throw fault("a name is expected") }
            try expect(UInt8(ascii: ":"), "a colon is expected")
            try visit(key, &self)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"), "the object does not end")
    }

    /// Like `object`; a value of another kind is skipped.
    mutating func objectOrSkip(
        _ visit: (_ key: String, _ scanner: inout JSONScanner) throws(Fault) -> Void
    ) throws(Fault) {
        if peek() == UInt8(ascii: "{") { try object(visit) } else { try skipValue() }
    }

    /// Visits the elements of the array that comes next with their place in the bytes.
    mutating func elements(_ visit: (Range<Int>) throws(Fault) -> Void) throws(Fault) {
        try expect(UInt8(ascii: "["), "an array is expected")
        guard !take(UInt8(ascii: "]")) else { return }
        repeat {
            skipSpace()
            let start = offset
            try skipValue()
            try visit(start..<offset)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"), "the array does not end")
    }

    /// The string that comes next; nil, and skipped, if the value is something else.
    mutating func string() throws(Fault) -> String? {
        guard peek() == UInt8(ascii: "\"") else {
            try skipValue()
            return nil
        }
        let (range, hasEscapes) = try skipString()
        guard hasEscapes else { return String(decoding: bytes[range], as: UTF8.self) }
        return unescape(bytes[range])
    }

    mutating func bool() throws(Fault) -> Bool? {
        let word = try scalar()
        return word.elementsEqual("true".utf8) ? true : word.elementsEqual("false".utf8) ? false : nil
    }

    /// Unix seconds, or RFC 3339 text as thin events write it; nil when it is neither or lies past the year 9999.
    mutating func moment() throws(Fault) -> Timestamp? {
        if peek() == UInt8(ascii: "\"") { return try string().flatMap { Timestamp(rfc3339: $0) } }
        let word = try scalar()
        guard let seconds = Int64(String(decoding: word, as: UTF8.self)), (0..<253_402_300_800).contains(seconds)
        else { return nil }
        return Timestamp(seconds: seconds)
    }

    /// - Throws: when something other than white space follows.
    mutating func end() throws(Fault) {
        guard peek() == nil else { throw fault("something follows the value") }
    }

    mutating func skipValue() throws(Fault) {
        guard let first = peek() else { throw fault("a value is missing") }
        switch first {
        case UInt8(ascii: "\""): _ = try skipString()
        case UInt8(ascii: "{"), UInt8(ascii: "["): try skipNested()
        default:
            guard try !scalar().isEmpty else { throw fault("a value is expected") }
        }
    }

    private mutating func skipNested() throws(Fault) {
        var depth = 0
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                _ = try skipString()
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            offset += 1
            if depth == 0 { return }
        }
        throw fault("the text ends inside a value")
    }

    private mutating func skipString() throws(Fault) -> (contents: Range<Int>, hasEscapes: Bool) {
        let start = offset + 1
        var position = start
        var hasEscapes = false
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                offset = position + 1
                return (start..<position, hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                position += 2
            default: position += 1
            }
        }
        throw fault("a string does not end")
    }

    /// Reads a number or a word: everything up to the next delimiter; a nested value or a string is skipped whole.
    private mutating func scalar() throws(Fault) -> ArraySlice<UInt8> {
        guard let first = peek() else { throw fault("a value is missing") }
        guard first != UInt8(ascii: "{"), first != UInt8(ascii: "["), first != UInt8(ascii: "\"") else {
            try skipValue()
            return []
        }
        let start = offset
        while offset < bytes.count, !Self.endsScalar(bytes[offset]) { offset += 1 }
        return bytes[start..<offset]
    }

    private static func endsScalar(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D: true
        default: false
        }
    }

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    private mutating func peek() -> UInt8? {
        skipSpace()
        return offset < bytes.count ? bytes[offset] : nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    private mutating func expect(_ byte: UInt8, _ message: String) throws(Fault) {
        guard take(byte) else { throw fault(message) }
    }

    private func fault(_ message: String) -> Fault { Fault(message: message, offset: offset) }
}

/// Replaces escapes; what is no valid escape stands as it came.
private func unescape(_ raw: ArraySlice<UInt8>) -> String {
    var units: [UInt16] = []
    var text = ""
    var rest = raw
    func flush() {
        text += String(decoding: units, as: UTF16.self)
        units = []
    }
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
            flush()
            let run = [byte] + rest.prefix { $0 != UInt8(ascii: "\\") }
            rest = rest.dropFirst(run.count - 1)
            text += String(decoding: run, as: UTF8.self)
            continue
        }
        switch kind {
        case UInt8(ascii: "u"):
            let digits = rest.prefix(4)
            rest = rest.dropFirst(digits.count)
            units.append(UInt16(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0xFFFD)
        case UInt8(ascii: "n"): units.append(0x0A)
        case UInt8(ascii: "t"): units.append(0x09)
        case UInt8(ascii: "r"): units.append(0x0D)
        case UInt8(ascii: "b"): units.append(0x08)
        case UInt8(ascii: "f"): units.append(0x0C)
        default: units.append(UInt16(kind))
        }
    }
    flush()
    return text
}

extension Timestamp {
    /// `2026-11-23T10:42:27.123Z`, UTC only, as Stripe writes times of thin events; nil for anything else.
    init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            bytes.last == UInt8(ascii: "Z")
        else { return nil }
        func number(_ range: Range<Int>) -> Int64? { Int64(String(decoding: bytes[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day),
            (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        // Days since 1970 by the Gregorian calendar, years counted from March so that the leap day comes last.
        let marchYear = month > 2 ? year : year - 1
        let era = marchYear / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        self.init(seconds: days * 86_400 + hour * 3600 + minute * 60 + second)
    }
}
