import Domain

/// `limit`, `starting_after` and `ending_before`, with a list's own filters beside them.
struct ListQuery<Filter: Decodable>: Decodable {
    let page: PageRequest
    let filter: Filter

    private enum CodingKeys: String, CodingKey {
        case limit
        case startingAfter
        case endingBefore
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let limit = try container.decodeIfPresent(Int.self, forKey: .limit) ?? PageRequest.defaultLimit
        guard (1...PageRequest.maximumLimit).contains(limit) else {
            throw Refusal(
                .parameterInvalid, "A page has 1 to \(PageRequest.maximumLimit) rows.", parameter: "limit")
        }
        let after = try container.decodeIfPresent(String.self, forKey: .startingAfter)
        let before = try container.decodeIfPresent(String.self, forKey: .endingBefore)
        switch (after, before) {
        case (nil, nil): page = PageRequest(limit: limit)
        case (let after?, nil): page = PageRequest(limit: limit, cursor: .after(after))
        case (nil, let before?): page = PageRequest(limit: limit, cursor: .before(before))
        case (.some, .some):
            throw Refusal(
                .parameterInvalid, "Give either starting_after or ending_before, not both.",
                parameter: "ending_before")
        }
        filter = try Filter(from: decoder)
    }
}
