/// Small hashes that many objects share.
enum Shapes {
    /// An address with all its members; empty where `params` is.
    static func address(_ params: JSONValue) -> JSONValue {
        var address = JSONObject()
        for part in ["city", "country", "line1", "line2", "postal_code", "state"] { address[part] = params[part] }
        return .object(address)
    }

    static func addressOrNull(_ params: JSONValue) -> JSONValue {
        params.object == nil ? .null : address(params)
    }

    static func billingDetails(_ params: JSONValue) -> JSONValue {
        [
            "address": address(params["address"]), "email": params["email"], "name": params["name"],
            "phone": params["phone"], "tax_id": .null,
        ]
    }

    static func shipping(_ params: JSONValue) -> JSONValue {
        guard params.object != nil else { return .null }
        return [
            "address": address(params["address"]), "carrier": params["carrier"], "name": params["name"],
            "phone": params["phone"], "tracking_number": params["tracking_number"],
        ]
    }
}
