import Domain

struct StrictKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let object: StrictObject
    private let keepsNames: Bool

    init(_ object: StrictObject, keepsNames: Bool) {
        self.object = object
        self.keepsNames = keepsNames
    }

    var codingPath: [any CodingKey] { object.path }
    var allKeys: [Key] { object.members.compactMap { Key(stringValue: $0.name) } }

    private func name(_ key: Key) -> String { keepsNames ? key.stringValue : snakeCased(key.stringValue) }

    private func node(_ key: Key) throws -> StrictNode {
        let name = name(key)
        guard let value = object.read(name) else {
            throw Refusal(
                .parameterMissing, "This parameter is required.",
                parameter: (codingPath + [JSONKey(name)]).parameterPath)
        }
        return StrictNode(value, at: codingPath + [JSONKey(name)], keepsNames: false)
    }

    func contains(_ key: Key) -> Bool { object.read(name(key)) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try node(key).value == .null }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try node(key).bool() }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try node(key).string() }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { throw try node(key).fraction() }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { throw try node(key).fraction() }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try node(key).integer(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try node(key).integer(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try node(key).integer(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try node(key).integer(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try node(key).integer(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try node(key).integer(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try node(key).integer(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try node(key).integer(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try node(key).integer(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try node(key).integer(type) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let node = try node(key)
        return try StrictDecoder.decode(type, from: node.value, at: node.codingPath)
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        throw DecodingError.dataCorruptedError(
            forKey: key, in: self, debugDescription: "requests are decoded into a type for each object")
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try node(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        throw DecodingError.dataCorrupted(
            .init(codingPath: codingPath, debugDescription: "requests are decoded into values, not classes"))
    }

    func superDecoder(forKey key: Key) throws -> any Decoder { try superDecoder() }
}

struct StrictArray: UnkeyedDecodingContainer {
    private let elements: [JSONValue]
    let codingPath: [any CodingKey]
    private(set) var currentIndex = 0

    init(_ elements: [JSONValue], at path: [any CodingKey]) {
        self.elements = elements
        codingPath = path
    }

    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex == elements.count }

    private func node() throws -> StrictNode {
        guard !isAtEnd else {
            throw Refusal(.parameterInvalid, "This list is too short.", parameter: codingPath.parameterPath)
        }
        return StrictNode(elements[currentIndex], at: codingPath + [JSONKey(index: currentIndex)], keepsNames: false)
    }

    private mutating func next<Value>(_ read: (StrictNode) throws -> Value) throws -> Value {
        let value = try read(node())
        currentIndex += 1
        return value
    }

    mutating func decodeNil() throws -> Bool {
        guard try node().value == .null else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode(_ type: Bool.Type) throws -> Bool { try next { try $0.bool() } }
    mutating func decode(_ type: String.Type) throws -> String { try next { try $0.string() } }
    mutating func decode(_ type: Double.Type) throws -> Double { try next { throw $0.fraction() } }
    mutating func decode(_ type: Float.Type) throws -> Float { try next { throw $0.fraction() } }
    mutating func decode(_ type: Int.Type) throws -> Int { try next { try $0.integer(type) } }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try next { try $0.integer(type) } }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try next { try $0.integer(type) } }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try next { try $0.integer(type) } }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try next { try $0.integer(type) } }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try next { try $0.integer(type) } }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try next { try $0.integer(type) } }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try next { try $0.integer(type) } }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try next { try $0.integer(type) } }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try next { try $0.integer(type) } }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try next { try StrictDecoder.decode(type, from: $0.value, at: $0.codingPath) }
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> {
        throw DecodingError.dataCorruptedError(
            in: self, debugDescription: "requests are decoded into a type for each object")
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next { try $0.unkeyedContainer() }
    }

    mutating func superDecoder() throws -> any Decoder {
        throw DecodingError.dataCorruptedError(
            in: self, debugDescription: "requests are decoded into values, not classes")
    }
}

struct StrictScalar: SingleValueDecodingContainer {
    private let node: StrictNode

    init(_ node: StrictNode) { self.node = node }

    var codingPath: [any CodingKey] { node.codingPath }

    func decodeNil() -> Bool { node.value == .null }
    func decode(_ type: Bool.Type) throws -> Bool { try node.bool() }
    func decode(_ type: String.Type) throws -> String { try node.string() }
    func decode(_ type: Double.Type) throws -> Double { throw node.fraction() }
    func decode(_ type: Float.Type) throws -> Float { throw node.fraction() }
    func decode(_ type: Int.Type) throws -> Int { try node.integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try node.integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try node.integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try node.integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try node.integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try node.integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try node.integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try node.integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try node.integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try node.integer(type) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try StrictDecoder.decode(type, from: node.value, at: node.codingPath)
    }
}
