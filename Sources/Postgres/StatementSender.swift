import CLibPQ

/// Puts statements on a connection: a known single one as it is, everything else as a pipeline.
struct StatementSender {
    let handle: OpaquePointer

    /// - Returns: false when libpq refuses; its error message says why.
    func send(_ queries: [PostgresQuery], _ exchange: Exchange, _ cache: inout StatementCache) -> Bool {
        if queries.count == 1, let query = queries.first {
            let key = StatementCache.Key(sql: query.sql, types: query.parameters.types)
            if let name = cache.name(of: key) {
                exchange.steps = [.execute(key)]
                return execute(name, query.parameters)
            }
        }
        return sendPipeline(queries, exchange, &cache)
    }

    private func sendPipeline(
        _ queries: [PostgresQuery], _ exchange: Exchange, _ cache: inout StatementCache
    ) -> Bool {
        guard PQenterPipelineMode(handle) == 1 else { return false }
        exchange.isPipelined = true
        exchange.steps.reserveCapacity(2 * queries.count)
        var fresh: [StatementCache.Key: String] = [:]
        for query in queries {
            let key = StatementCache.Key(sql: query.sql, types: query.parameters.types)
            var name = cache.name(of: key) ?? fresh[key]
            if name == nil {
                let new = cache.newName()
                guard PQsendPrepare(handle, new, query.sql, Int32(key.types.count), key.types) == 1 else {
                    return false
                }
                exchange.steps.append(.prepare(key, name: new))
                if !new.isEmpty { fresh[key] = new }
                name = new
            }
            guard let name, execute(name, query.parameters) else { return false }
            exchange.steps.append(.execute(key))
        }
        return PQpipelineSync(handle) == 1
    }

    private func execute(_ name: String, _ parameters: PostgresParameters) -> Bool {
        let count = parameters.count
        guard count > 0 else { return PQsendQueryPrepared(handle, name, 0, nil, nil, nil, 1) == 1 }
        return parameters.bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count) { numbers in
                    // An empty value is a pointer to no bytes; nil would be NULL.
                    let base = bytes.baseAddress ?? UnsafeRawPointer(Self.nothing)
                    for (index, place) in parameters.places.enumerated() {
                        let start = (base + place.offset).assumingMemoryBound(to: CChar.self)
                        values.initializeElement(at: index, to: place.length < 0 ? nil : start)
                        numbers.initializeElement(at: index, to: Int32(max(0, place.length)))
                        numbers.initializeElement(at: count + index, to: 1)  // binary
                    }
                    return PQsendQueryPrepared(
                        handle, name, Int32(count), values.baseAddress, numbers.baseAddress,
                        numbers.baseAddress.map { $0 + count }, 1) == 1
                }
            }
        }
    }

    /// Something to point at when there are no bytes at all.
    nonisolated(unsafe) private static let nothing = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
}
