/// Writes answers as JSON: names in snake case, in the order of the type's properties; absent values as `null`, so that
/// every answer of one kind has the same fields; times as `Timestamp` writes them, in Unix seconds.
package enum JSONWriter {
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(512)
        try write(value, at: []).write(to: &output)
        return output
    }

    fileprivate static func write(_ value: some Encodable, at path: [any CodingKey]) throws -> WrittenValue {
        if let text = value as? String { return .string(text) }
        let encoder = WritingEncoder(at: path, keepsNames: value is any StringKeyedDictionary)
        try value.encode(to: encoder)
        return encoder.written()
    }
}

private indirect enum WrittenValue {
    case string(String)
    case integer(String)
    case bool(Bool)
    case null
    case array(WrittenArray)
    case object(WrittenObject)

    func write(to output: inout [UInt8]) {
        switch self {
        case .string(let text): writeString(text, to: &output)
        case .integer(let digits): output.append(contentsOf: digits.utf8)
        case .bool(let flag): output.append(contentsOf: (flag ? "true" : "false").utf8)
        case .null: output.append(contentsOf: "null".utf8)
        case .array(let array):
            output.append(UInt8(ascii: "["))
            for (index, element) in array.elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                element.write(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let object):
            output.append(UInt8(ascii: "{"))
            // A dictionary's own order is different in every process.
            let members = object.keepsNames ? object.members.sorted { $0.name < $1.name } : object.members
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                writeString(member.name, to: &output)
                output.append(UInt8(ascii: ":"))
                member.value.write(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }
}

private func writeString(_ text: String, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""): output.append(contentsOf: "\\\"".utf8)
        case UInt8(ascii: "\\"): output.append(contentsOf: "\\\\".utf8)
        case 0x0A: output.append(contentsOf: "\\n".utf8)
        case 0x0D: output.append(contentsOf: "\\r".utf8)
        case 0x09: output.append(contentsOf: "\\t".utf8)
        case 0..<0x20:
            output.append(contentsOf: "\\u00".utf8)
            output.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            output.append(Array("0123456789abcdef".utf8)[Int(byte & 15)])
        default: output.append(byte)
        }
    }
    output.append(UInt8(ascii: "\""))
}

private final class WrittenArray {
    var elements: [WrittenValue] = []
}

private final class WrittenObject {
    var members: [(name: String, value: WrittenValue)] = []
    let keepsNames: Bool
    init(keepsNames: Bool) { self.keepsNames = keepsNames }
}

private final class WritingEncoder: Encoder {
    let codingPath: [any CodingKey]
    let keepsNames: Bool
    private var value: WrittenValue?
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(at path: [any CodingKey], keepsNames: Bool) {
        codingPath = path
        self.keepsNames = keepsNames
    }

    /// A type that writes nothing has no members.
    func written() -> WrittenValue { value ?? .object(WrittenObject(keepsNames: false)) }
    func set(_ value: WrittenValue) { self.value = value }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .object(let object) = value {
            return KeyedEncodingContainer(WritingKeyedContainer(object, at: codingPath))
        }
        let object = WrittenObject(keepsNames: keepsNames)
        value = .object(object)
        return KeyedEncodingContainer(WritingKeyedContainer(object, at: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        let array = WrittenArray()
        value = .array(array)
        return WritingArrayContainer(array, at: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { WritingScalarContainer(self) }
}

private struct WritingKeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    private let object: WrittenObject
    let codingPath: [any CodingKey]

    init(_ object: WrittenObject, at path: [any CodingKey]) {
        self.object = object
        codingPath = path
    }

    private func name(_ key: Key) -> String { object.keepsNames ? key.stringValue : snakeCased(key.stringValue) }
    private func put(_ value: WrittenValue, _ key: Key) { object.members.append((name(key), value)) }
    private func put(_ value: (some Encodable)?, orNull key: Key) throws {
        guard let value else { return put(.null, key) }
        put(try JSONWriter.write(value, at: codingPath + [key]), key)
    }

    func encodeNil(forKey key: Key) { put(.null, key) }
    func encode(_ value: Bool, forKey key: Key) { put(.bool(value), key) }
    func encode(_ value: String, forKey key: Key) { put(.string(value), key) }
    func encode(_ value: Double, forKey key: Key) throws { throw noFractions(value, codingPath + [key]) }
    func encode(_ value: Float, forKey key: Key) throws { throw noFractions(value, codingPath + [key]) }
    func encode(_ value: Int, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: Int8, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: Int16, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: Int32, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: Int64, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: UInt, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: UInt8, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: UInt16, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: UInt32, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: UInt64, forKey key: Key) { put(.integer(String(value)), key) }
    func encode(_ value: some Encodable, forKey key: Key) throws { try put(value, orNull: key) }

    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: String?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try put(value, orNull: key) }
    func encodeIfPresent(_ value: (some Encodable)?, forKey key: Key) throws { try put(value, orNull: key) }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy keyType: NestedKey.Type, forKey key: Key
    ) -> KeyedEncodingContainer<NestedKey> {
        let nested = WrittenObject(keepsNames: false)
        put(.object(nested), key)
        return KeyedEncodingContainer(WritingKeyedContainer<NestedKey>(nested, at: codingPath + [key]))
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        let nested = WrittenArray()
        put(.array(nested), key)
        return WritingArrayContainer(nested, at: codingPath + [key])
    }

    func superEncoder() -> any Encoder { WritingEncoder(at: codingPath, keepsNames: false) }
    func superEncoder(forKey key: Key) -> any Encoder { WritingEncoder(at: codingPath + [key], keepsNames: false) }
}

private struct WritingArrayContainer: UnkeyedEncodingContainer {
    private let array: WrittenArray
    let codingPath: [any CodingKey]

    init(_ array: WrittenArray, at path: [any CodingKey]) {
        self.array = array
        codingPath = path
    }

    var count: Int { array.elements.count }

    func encodeNil() { array.elements.append(.null) }
    func encode(_ value: some Encodable) throws {
        array.elements.append(try JSONWriter.write(value, at: codingPath + [JSONKey(index: count)]))
    }

    func nestedContainer<NestedKey: CodingKey>(keyedBy keyType: NestedKey.Type) -> KeyedEncodingContainer<NestedKey> {
        let nested = WrittenObject(keepsNames: false)
        array.elements.append(.object(nested))
        return KeyedEncodingContainer(WritingKeyedContainer<NestedKey>(nested, at: codingPath))
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        let nested = WrittenArray()
        array.elements.append(.array(nested))
        return WritingArrayContainer(nested, at: codingPath)
    }

    func superEncoder() -> any Encoder { WritingEncoder(at: codingPath, keepsNames: false) }
}

private struct WritingScalarContainer: SingleValueEncodingContainer {
    private let encoder: WritingEncoder

    init(_ encoder: WritingEncoder) { self.encoder = encoder }

    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil() { encoder.set(.null) }
    func encode(_ value: Bool) { encoder.set(.bool(value)) }
    func encode(_ value: String) { encoder.set(.string(value)) }
    func encode(_ value: Double) throws { throw noFractions(value, codingPath) }
    func encode(_ value: Float) throws { throw noFractions(value, codingPath) }
    func encode(_ value: Int) { encoder.set(.integer(String(value))) }
    func encode(_ value: Int8) { encoder.set(.integer(String(value))) }
    func encode(_ value: Int16) { encoder.set(.integer(String(value))) }
    func encode(_ value: Int32) { encoder.set(.integer(String(value))) }
    func encode(_ value: Int64) { encoder.set(.integer(String(value))) }
    func encode(_ value: UInt) { encoder.set(.integer(String(value))) }
    func encode(_ value: UInt8) { encoder.set(.integer(String(value))) }
    func encode(_ value: UInt16) { encoder.set(.integer(String(value))) }
    func encode(_ value: UInt32) { encoder.set(.integer(String(value))) }
    func encode(_ value: UInt64) { encoder.set(.integer(String(value))) }
    func encode(_ value: some Encodable) throws { encoder.set(try JSONWriter.write(value, at: codingPath)) }
}

/// No number of this API has a fraction.
private func noFractions(_ value: some Sendable, _ path: [any CodingKey]) -> EncodingError {
    .invalidValue(value, .init(codingPath: path, debugDescription: "answers hold integers only"))
}
