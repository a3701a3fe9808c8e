/// The parameters of one endpoint: which exist, which the sandbox honours, and their types at every depth.
indirect enum ParameterSchema: Sendable {
    case string
    case integer
    case decimal
    case bool
    case map
    case choice([String])
    case hash([String: Member])
    case anyHash(ParameterSchema)
    case list(ParameterSchema)
    case either([ParameterSchema])
    case notSimulated

    struct Member: Sendable {
        let schema: ParameterSchema
        let isRequired: Bool
        /// Whether an empty value takes the property away; elsewhere an empty value is refused.
        let mayBeUnset: Bool
    }

    /// Reads the notation that `generate_parameters.py` describes.
    init(_ notation: JSONValue) {
        switch notation {
        case .string("s"): self = .string
        case .string("i"): self = .integer
        case .string("n"): self = .decimal
        case .string("b"): self = .bool
        case .string("m"): self = .map
        case .string(let text) where text.hasPrefix("e:"):
            self = .choice(text.dropFirst(2).split(separator: "|").map(String.init))
        case .array(let element): self = .list(ParameterSchema(element.first ?? .null))
        case .object(let object):
            if let options = object["|"]?.array {
                self = .either(options.map(ParameterSchema.init))
            } else if let element = object["*"] {
                self = .anyHash(ParameterSchema(element))
            } else {
                var members: [String: Member] = [:]
                for (key, value) in object.pairs {
                    let name = key.last == "!" || key.last == "?" ? String(key.dropLast()) : key
                    members[name] = Member(
                        schema: ParameterSchema(value), isRequired: key.last == "!", mayBeUnset: key.last == "?")
                }
                self = .hash(members)
            }
        default: self = .notSimulated
        }
    }

    /// Every endpoint's schema by its route, `POST /v1/accounts`.
    static func table() throws -> [String: ParameterSchema] {
        var table: [String: ParameterSchema] = [:]
        for line in ParameterTable.text.split(separator: "\n") {
            guard let object = try JSONParser.parse(Array(line.utf8)).object else { continue }
            for (route, notation) in object.pairs { table[route] = ParameterSchema(notation) }
        }
        return table
    }

    /// Types the pairs of a request; `.null` stands for "unset".
    func check(_ pairs: [FormPair]) throws(StripeFailure) -> JSONObject {
        guard case .hash(let members) = self else { return JSONObject() }
        return try Self.checkHash(pairs, members, path: "")
    }

    private static func checkHash(
        _ pairs: [FormPair], _ members: [String: Member], path: String
    ) throws(StripeFailure) -> JSONObject {
        var result = JSONObject(capacity: pairs.count)
        for pair in pairs {
            let (key, value) = (pair.key, pair.value)
            let name = path.isEmpty ? key : "\(path)[\(key)]"
            guard let member = members[key] else {
                throw .parameter("parameter_unknown", name, "Received unknown parameter: \(name)")
            }
            if case .text("") = value, member.mayBeUnset {
                result[key] = .null
            } else {
                result[key] = try member.schema.check(value, path: name)
            }
        }
        for (key, member) in members where member.isRequired && result[key] == nil {
            let name = path.isEmpty ? key : "\(path)[\(key)]"
            throw .parameter("parameter_missing", name, "Missing required param: \(name).")
        }
        return result
    }

    private func check(_ value: FormValue, path: String) throws(StripeFailure) -> JSONValue {
        switch (self, value) {
        case (.notSimulated, _): throw .notSimulated("the parameter '\(path)'", param: path)
        case (.map, .text("")): return .null
        case (.list, .text("")): return .array([])
        case (.hash(let members), .text("")): return .object(try Self.checkHash([], members, path: path))
        case (.either(let options), _): return try checkEither(value, options, path: path)
        case (_, .text("")):
            throw .parameter(
                "parameter_invalid_empty", path,
                """
                You passed an empty string for '\(path)'. We assume empty values are an attempt to unset a parameter; \
                however '\(path)' cannot be unset. You should remove '\(path)' from your request or supply a \
                non-empty value.
                """)
        case (.string, .text(let text)): return .string(text)
        case (.integer, .text(let text)):
            guard let number = Int64(text) else {
                throw .parameter("parameter_invalid_integer", path, "Invalid integer: \(text)")
            }
            return .int(number)
        case (.decimal, .text(let text)):
            guard Double(text) != nil else { throw .parameter(nil, path, "Invalid decimal: \(text)") }
            return .string(text)
        case (.bool, .text(let text)):
            switch text {
            case "true", "True", "1": return true
            case "false", "False", "0": return false
            default: throw .parameter(nil, path, "Invalid boolean: \(text)")
            }
        case (.choice(let choices), .text(let text)):
            guard choices.contains(text) else {
                throw .parameter(nil, path, "Invalid \(path): must be one of \(choices.joined(separator: ", "))")
            }
            return .string(text)
        case (.map, .hash(let pairs)): return .object(try Self.checkMap(pairs, path: path))
        case (.map, .list(let values)):
            return .object(
                try Self.checkMap(
                    values.enumerated().map { FormPair(key: String($0.offset), value: $0.element) }, path: path))
        case (.hash(let members), .hash(let pairs)): return .object(try Self.checkHash(pairs, members, path: path))
        case (.anyHash(let schema), .hash(let pairs)):
            var result = JSONObject()
            for pair in pairs {
                let (key, value) = (pair.key, pair.value)
                if case .text("") = value {
                    result[key] = .null
                } else {
                    result[key] = try schema.check(value, path: "\(path)[\(key)]")
                }
            }
            return .object(result)
        case (.list(let element), .list(let values)):
            var result: [JSONValue] = []
            for (index, value) in values.enumerated() {
                result.append(try element.check(value, path: "\(path)[\(index)]"))
            }
            return .array(result)
        case (.hash(let members), .list(let values)):
            let pairs = values.enumerated().map { FormPair(key: String($0.offset), value: $0.element) }
            return .object(try Self.checkHash(pairs, members, path: path))
        case (.hash, .text), (.anyHash, _):
            throw .parameter(nil, path, "Invalid object")
        case (.list, _): throw .parameter(nil, path, "Invalid array")
        default: throw .parameter(nil, path, "Invalid value for \(path)")
        }
    }

    private static func checkMap(
        _ pairs: [FormPair], path: String
    ) throws(StripeFailure) -> JSONObject {
        var result = JSONObject()
        for pair in pairs {
            let (key, value) = (pair.key, pair.value)
            guard case .text(let text) = value else {
                throw .parameter(nil, "\(path)[\(key)]", "Metadata values can't be hashes or arrays.")
            }
            guard key.count <= 40, !key.contains("["), !key.contains("]") else {
                throw .parameter(
                    nil, path, "Metadata keys can be up to 40 characters long and contain no square brackets.")
            }
            guard text.count <= 500 else {
                throw .parameter(nil, "\(path)[\(key)]", "Metadata values can be up to 500 characters long.")
            }
            result[key] = .string(text)
        }
        return result
    }

    /// Whether a hash may be the one of `members`: its `object`, where both have one, decides.
    private static func isNamed(by pairs: [FormPair], _ members: [String: Member]) -> Bool {
        guard case .text(let object)? = pairs.first(where: { $0.key == "object" })?.value,
            case .choice(let choices)? = members["object"]?.schema
        else { return true }
        return choices.contains(object)
    }

    /// The first form that fits; when none does, the refusal of the form of the same shape.
    private func checkEither(
        _ value: FormValue, _ options: [ParameterSchema], path: String
    ) throws(StripeFailure) -> JSONValue {
        var first: StripeFailure?
        for option in options {
            let fits: Bool =
                switch (option, value) {
                case (.hash(let members), .hash(let pairs)): Self.isNamed(by: pairs, members)
                case (.anyHash, .hash), (.list, .list), (.map, .hash): true
                case (.string, .text), (.integer, .text), (.bool, .text), (.decimal, .text), (.choice, .text): true
                default: false
                }
            guard fits else { continue }
            do { return try option.check(value, path: path) } catch { first = first ?? error }
        }
        throw first ?? .parameter(nil, path, "Invalid value for \(path)")
    }
}
