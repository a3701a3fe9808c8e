/// The statements that one session has prepared.
struct StatementCache {
    struct Key: Hashable {
        let sql: String
        let types: [UInt32]
    }

    /// Above this, further statements run unnamed until the session is cleared on its way back to the pool. Souk has a
    /// few hundred statements; more means that text is spliced into them somewhere.
    static let limit = 1000

    private var names: [Key: String] = [:]
    private var counter = 0

    var isFull: Bool { names.count >= Self.limit }

    func name(of key: Key) -> String? { names[key] }

    /// A name that this session never used; "" (the unnamed statement) when the cache is full.
    mutating func newName() -> String {
        guard !isFull else { return "" }
        counter += 1
        return "s\(counter)"
    }

    mutating func insert(_ key: Key, name: String) {
        if !name.isEmpty { names[key] = name }
    }

    mutating func remove(_ key: Key) { names[key] = nil }

    mutating func removeAll() { names.removeAll() }
}
