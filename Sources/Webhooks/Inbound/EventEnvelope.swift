import Domain

/// What Souk believes of an event: its names and numbers, not the object inside.
struct EventEnvelope: Hashable {
    var id: String
    var type: String
    var account: String?
    var created: Timestamp?
    /// Absent counts as test mode, so that nothing unmarked touches live books.
    var livemode: Bool
    var apiVersion: String?
    var idempotencyKey: String?
    var objectID: String?
    var objectType: String?

    /// Reads the envelope without building the rest: unknown members, any order and any depth are fine.
    /// - Throws: when it is no JSON object, is cut off, or has no usable id and type.
    init(scanning body: [UInt8]) throws(MalformedEvent) {
        var fields = Fields()
        var scanner = JSONScanner(body)
        do {
            try scanner.object { (key, scanner) throws(JSONScanner.Fault) in try fields.read(key, &scanner) }
            try scanner.end()
        } catch {
            throw MalformedEvent(reason: "it is not a JSON object: \(error.message) at byte \(error.offset)")
        }
        guard let id = fields.id, Self.isName(id) else { throw MalformedEvent(reason: "it has no usable id") }
        guard let type = fields.type, Self.isName(type) else { throw MalformedEvent(reason: "it has no usable type") }
        self.id = id
        self.type = type
        account = Self.optionalName(fields.account)
        created = fields.created
        livemode = fields.livemode ?? false
        apiVersion = Self.optionalName(fields.apiVersion)
        idempotencyKey = Self.optionalName(fields.idempotencyKey)
        objectID = Self.optionalName(fields.objectID)
        objectType = Self.optionalName(fields.objectType)
    }

    /// Stripe's ids and types are short, printable ASCII; an index entry has room for no more than a few kilobytes.
    private static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// A field that helps but is not needed: left out when it is not what Stripe sends.
    private static func optionalName(_ text: String?) -> String? {
        guard let text, (1...255).contains(text.utf8.count), !text.utf8.contains(0) else { return nil }
        return text
    }
}

struct MalformedEvent: CodedError, CustomStringConvertible {
    let reason: String
    var code: ErrorCode { .malformedJSON }
    var message: String { "The body is signed, but is not an event: \(reason)." }
    var parameter: String? { nil }
    var description: String { message }
}

/// The members of the envelope as far as they have been met.
private struct Fields {
    var id: String?
    var type: String?
    var account: String?
    var created: Timestamp?
    var livemode: Bool?
    var apiVersion: String?
    var idempotencyKey: String?
    var objectID: String?
    var objectType: String?

    mutating func read(_ key: String, _ scanner: inout JSONScanner) throws(JSONScanner.Fault) {
        switch key {
        case "id": id = try scanner.string()
        case "type": type = try scanner.string()
        case "account": account = try scanner.string()
        // Thin events call the account their context.
        case "context":
            let context = try scanner.string()
            account = account ?? context
        case "created": created = try scanner.moment()
        case "livemode": livemode = try scanner.bool()
        case "api_version": apiVersion = try scanner.string()
        case "request": try readRequest(&scanner)
        case "data": try readObject(named: "object", &scanner)
        // Thin events name the object beside the data.
        case "related_object": try readIdentity(&scanner)
        default: try scanner.skipValue()
        }
    }

    private mutating func readRequest(_ scanner: inout JSONScanner) throws(JSONScanner.Fault) {
        var found: String?
        try scanner.objectOrSkip { (key, scanner) throws(JSONScanner.Fault) in
            if key == "idempotency_key" { found = try scanner.string() } else { try scanner.skipValue() }
        }
        idempotencyKey = found ?? idempotencyKey
    }

    private mutating func readObject(
        named name: String, _ scanner: inout JSONScanner
    ) throws(JSONScanner.Fault) {
        var copy = self
        try scanner.objectOrSkip { (key, scanner) throws(JSONScanner.Fault) in
            if key == name { try copy.readIdentity(&scanner) } else { try scanner.skipValue() }
        }
        self = copy
    }

    private mutating func readIdentity(_ scanner: inout JSONScanner) throws(JSONScanner.Fault) {
        var id: String?
        var type: String?
        try scanner.objectOrSkip { (key, scanner) throws(JSONScanner.Fault) in
            switch key {
            case "id": id = try scanner.string()
            case "object": type = try scanner.string()
            case "type":
                let other = try scanner.string()
                type = type ?? other
            default: try scanner.skipValue()
            }
        }
        objectID = id
        objectType = type
    }
}
