extension Turn {
    /// One page of an account's objects, newest first, as Stripe's lists answer.
    ///
    /// It looks at `slots`, oldest first, or at all objects of the type; `matches` are the list's own filters.
    func page(
        of type: String, url: String, in account: String? = nil, slots: [World.Slot]? = nil, withCount: Bool = false,
        where matches: (JSONValue) -> Bool = { _ in true }
    ) throws(StripeFailure) -> JSONValue {
        let slots = slots ?? world.slots(account: account ?? self.account, type: type)
        let limit = int("limit") ?? 10
        guard (1...100).contains(limit) else {
            throw .parameter("parameter_invalid_integer", "limit", "Limit must be between 1 and 100.")
        }
        let range = try createdRange("created")
        func accepts(_ id: String) -> JSONValue? {
            guard let entry = world[id: id], entry.value["deleted"] != true, range.contains(entry.created),
                matches(entry.value)
            else { return nil }
            return entry.value
        }
        var found: [JSONValue] = []
        var hasMore = false
        if let before = string("ending_before") {
            guard !has("starting_after") else {
                throw .parameter(
                    "parameters_exclusive", "ending_before", "You cannot use ending_before with starting_after.")
            }
            // The page just above the cursor: the oldest of the newer ones, still shown newest first.
            var index = slots.firstIndex(notBefore: try position(of: before, type, "ending_before") + 1)
            while index < slots.count {
                if let value = accepts(slots[index].id) {
                    if found.count == Int(limit) {
                        hasMore = true
                        break
                    }
                    found.append(value)
                }
                index += 1
            }
            found.reverse()
        } else {
            var end = slots.count
            if let after = string("starting_after") {
                end = slots.firstIndex(notBefore: try position(of: after, type, "starting_after"))
            }
            while end > 0 {
                end -= 1
                if let entry = world[id: slots[end].id], entry.created < range.lowerBound { break }
                guard let value = accepts(slots[end].id) else { continue }
                if found.count == Int(limit) {
                    hasMore = true
                    break
                }
                found.append(value)
            }
        }
        var list: JSONObject = [
            "object": "list", "data": .array(found), "has_more": .bool(hasMore), "url": .string(url),
        ]
        if withCount { list["total_count"] = .int(slots.filter { accepts($0.id) != nil }.count) }
        return .object(list)
    }

    private func position(of id: String, _ type: String, _ param: String) throws(StripeFailure) -> UInt64 {
        guard let entry = world[id: id] else { throw .missingReference(type, id, param: param) }
        return entry.position
    }

    /// A filter such as `created=ts` or `created[gte]=ts`, in seconds; everything when it is absent.
    func createdRange(_ key: String) throws(StripeFailure) -> ClosedRange<Int64> {
        guard let value = params[key] else { return .min ... .max }
        if let exact = value.int { return exact...exact }
        var low = Int64.min
        var high = Int64.max
        if let bound = value["gte"].int { low = max(low, bound) }
        if let bound = value["gt"].int { low = max(low, bound &+ 1) }
        if let bound = value["lte"].int { high = min(high, bound) }
        if let bound = value["lt"].int { high = min(high, bound &- 1) }
        return low <= high ? low...high : .max ... .max
    }

    /// An exact filter on a member: passes when the parameter is absent.
    func matches(_ value: JSONValue, _ keys: String...) -> Bool {
        keys.allSatisfy { key in
            guard let wanted = params[key] else { return true }
            return value[key] == wanted
        }
    }

    /// The index of a filtered field when the filter is given, so that a long history is not walked.
    func slots(of type: String, by fields: String...) -> [World.Slot]? {
        for field in fields {
            if let value = string(field) {
                return world.slots(account: account, type: type, field: field, value: value)
            }
        }
        return nil
    }

    /// The embedded list of an object's parts.
    static func embedded(_ data: [JSONValue], url: String, withCount: Bool = false, most: Int = 10) -> JSONValue {
        var list: JSONObject = [
            "object": "list", "data": .array(Array(data.prefix(most))), "has_more": .bool(data.count > most),
            "url": .string(url),
        ]
        if withCount { list["total_count"] = .int(data.count) }
        return .object(list)
    }

    /// Metadata after an update: given keys set, empty ones deleted, everything cleared by an empty `metadata`.
    func mergedMetadata(_ old: JSONValue, _ key: String = "metadata") throws(StripeFailure) -> JSONValue {
        guard let change = params[key] else { return old.object == nil ? [:] : old }
        guard let change = change.object else { return [:] }
        var merged = old.object ?? [:]
        for (name, value) in change.pairs { merged[name] = value == "" ? nil : value }
        guard merged.count <= 50 else {
            throw .parameter(nil, "metadata", "You may only specify up to 50 metadata keys.")
        }
        return .object(merged)
    }
}
