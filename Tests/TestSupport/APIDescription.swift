import Foundation
import Synchronization

/// openapi/souk.yaml as the tests read it: whether an answer is one that it describes.
package struct APIDescription: Sendable {
    /// An answer that openapi/souk.yaml does not describe.
    package struct Undocumented: Error, CustomStringConvertible {
        package let description: String
    }

    private struct Operation: Sendable {
        let method: String
        let path: [Substring]
        let responses: JSON

        var parameters: Int { path.count { $0.hasPrefix("{") } }

        func serves(_ method: String, _ path: [Substring]) -> Bool {
            self.method == method && self.path.count == path.count
                && zip(self.path, path).allSatisfy { $0 == $1 || $0.hasPrefix("{") && !$1.isEmpty }
        }
    }

    private static let souk = Task { try await APIDescription() }
    /// What HTTP says of any answer, so that the description need not.
    private static let plainHeaders: Set<String> = [
        "content-type", "content-length", "transfer-encoding", "date", "server", "connection", "www-authenticate",
        "cache-control",
        "content-security-policy", "x-content-type-options", "referrer-policy",
    ]

    private let content: JSON
    private let operations: [Operation]

    private init() async throws {
        let script = "import json, sys, yaml; json.dump(yaml.load(open(sys.argv[1]), yaml.CSafeLoader), sys.stdout)"
        let text = try await Subprocess.run(
            "/usr/bin/python3", ["-c", script, Repository.root + "/openapi/souk.yaml"])
        guard let content = JSON(text), case .object(let paths) = content["paths"] else {
            throw Undocumented(description: "openapi/souk.yaml cannot be read: \(text.prefix(500))")
        }
        self.content = content
        operations = paths.flatMap { path, methods in
            guard case .object(let methods) = methods else { return [Operation]() }
            return methods.map { method, operation in
                Operation(
                    method: method.uppercased(), path: path.split(separator: "/"), responses: operation["responses"])
            }
        }
    }

    /// Passes when status, content type, headers and body are as described, or when the request is for no operation that
    /// is described: which those are, a comparison with the router says.
    package static func check(
        _ method: String, _ path: String, status: Int, headers: [(name: String, value: String)], body: String
    ) async throws {
        try await souk.value.check(method, path, status: status, headers: headers, body: body)
    }

    private func check(
        _ method: String, _ path: String, status: Int, headers: [(name: String, value: String)], body: String
    ) throws {
        let parts = path.prefix { $0 != "?" }.split(separator: "/")
        let found = operations.filter { $0.serves(method, parts) }
        // A path that is written out wins over one with a parameter. A method that a path does not have is no operation.
        guard let operation = found.min(by: { $0.parameters < $1.parameters }), status != 405 else { return }
        func undocumented(_ what: String) -> Undocumented {
            Undocumented(description: "\(method) \(path): \(what): \(status) \(headers) \(body)")
        }
        let described = resolved(operation.responses[String(status)])
        guard case .object = described else { throw undocumented("the status is not described") }
        if let fault = fault(ofHeaders: headers, described["headers"]) { throw undocumented(fault) }
        let media = headers.first { $0.name.lowercased() == "content-type" }?.value.prefix { $0 != ";" } ?? ""
        guard case .object(let content) = described["content"] else {
            if body.isEmpty { return }
            throw undocumented("a body is not described")
        }
        guard let schema = content[String(media)]?["schema"] else {
            throw undocumented("the content type '\(media)' is not described")
        }
        guard media == "application/json" else { return }
        guard let value = JSON(body) else { throw undocumented("the body is not JSON") }
        if let fault = fault(of: value, schema, "the body") { throw undocumented(fault) }
    }

    private func fault(ofHeaders headers: [(name: String, value: String)], _ described: JSON) -> String? {
        let rules = if case .object(let rules) = described { rules } else { [String: JSON]() }
        for (name, rule) in rules {
            let rule = resolved(rule)
            guard let text = headers.first(where: { $0.name.lowercased() == name.lowercased() })?.value else {
                if rule["required"].bool == true { return "the header \(name) is missing" }
                continue
            }
            let value = rule["schema"]["type"].string == "integer" ? JSON(text) ?? .string(text) : .string(text)
            if let fault = fault(of: value, rule["schema"], "the header \(name)") { return fault }
        }
        let known = Set(rules.keys.map { $0.lowercased() }).union(Self.plainHeaders)
        return headers.first { !known.contains($0.name.lowercased()) }.map { "the header \($0.name) is not described" }
    }

    private func resolved(_ part: JSON) -> JSON {
        guard let path = part["$ref"].string else { return part }
        return resolved(content[path.split(separator: "/").dropFirst().map(String.init)])
    }

    // MARK: Schemas

    /// What is wrong with a value, and where; nil for a valid one.
    private func fault(of value: JSON, _ schema: JSON, _ place: String) -> String? {
        guard case .object(let rules) = schema else { return schema == .bool(true) ? nil : "\(place) is not described" }
        for (keyword, rule) in rules {
            let fault =
                switch value {
                case .object(let members): fault(ofObject: members, keyword, rule, rules, place)
                case .array(let elements): fault(ofArray: elements, keyword, rule, place)
                case .string(let text): fault(ofText: text, keyword, rule, place)
                case .int, .number: fault(ofNumber: value, keyword, rule, place)
                case .bool, .null: String?.none
                }
            if let fault = fault ?? self.fault(of: value, keyword, rule, place) { return fault }
        }
        // Callers may meet members that are not described yet; tests may not.
        if case .object(let members) = value, rules["properties"] != nil, rules["additionalProperties"] == nil {
            return fault(ofObject: members, "additionalProperties", .bool(false), rules, place)
        }
        return nil
    }

    /// The keywords that speak of a value of any type, and those that speak of another type than this value's.
    private func fault(of value: JSON, _ keyword: String, _ rule: JSON, _ place: String) -> String? {
        func faults(of schemas: JSON) -> [String?] { (schemas.array ?? []).map { fault(of: value, $0, place) } }
        switch keyword {
        case "$ref": return fault(of: value, resolved(["$ref": rule]), place)
        case "type":
            let types = rule.array ?? [rule]
            return types.contains { isOf(value, $0) } ? nil : "\(place) is not of the type \(rule.text)"
        case "enum": return rule.array?.contains(value) == true ? nil : "\(place) is none of \(rule.text)"
        case "const": return value == rule ? nil : "\(place) is not \(rule.text)"
        case "allOf": return faults(of: rule).compactMap(\.self).first
        case "anyOf": return faults(of: rule).contains(nil) ? nil : "\(place) is nothing of \(rule.text)"
        case "oneOf": return faults(of: rule).count { $0 == nil } == 1 ? nil : "\(place) is not one of \(rule.text)"
        case "description", "title", "examples", "default", "deprecated", "properties", "required",
            "additionalProperties", "propertyNames", "maxProperties", "items", "minItems", "maxItems", "uniqueItems",
            "minLength", "maxLength", "pattern", "format", "minimum", "maximum":
            return nil
        default:
            return "\(place): the schema says '\(keyword)', which Tests/TestSupport/APIDescription.swift cannot read"
        }
    }

    private func isOf(_ value: JSON, _ type: JSON) -> Bool {
        switch (value, type.string) {
        case (.object, "object"), (.array, "array"), (.string, "string"), (.int, "integer"), (.int, "number"),
            (.number, "number"), (.bool, "boolean"), (.null, "null"):
            true
        default: false
        }
    }

    private func fault(
        ofObject members: [String: JSON], _ keyword: String, _ rule: JSON, _ rules: [String: JSON], _ place: String
    ) -> String? {
        switch keyword {
        case "properties":
            for (name, value) in members where rule[name] != .null {
                if let fault = fault(of: value, rule[name], "\(place)/\(name)") { return fault }
            }
        case "required":
            let missing = (rule.array ?? []).compactMap(\.string).first { members[$0] == nil }
            return missing.map { "\(place) has no \($0)" }
        case "additionalProperties":
            for (name, value) in members where rules["properties"]?[name] ?? .null == .null {
                if let fault = fault(of: value, rule, "\(place)/\(name)") { return fault }
            }
        case "propertyNames":
            return members.keys.lazy.compactMap { fault(of: .string($0), rule, "\(place): the name \($0)") }.first
        case "maxProperties": return members.count <= rule.int ?? 0 ? nil : "\(place) has \(members.count) members"
        default: break
        }
        return nil
    }

    private func fault(ofArray elements: [JSON], _ keyword: String, _ rule: JSON, _ place: String) -> String? {
        switch keyword {
        case "items":
            for (index, element) in elements.enumerated() {
                if let fault = fault(of: element, rule, "\(place)/\(index)") { return fault }
            }
        case "minItems": return elements.count >= rule.int ?? .max ? nil : "\(place) is too short"
        case "maxItems": return elements.count <= rule.int ?? 0 ? nil : "\(place) is too long"
        case "uniqueItems":
            return rule == .bool(false) || Set(elements).count == elements.count ? nil : "\(place) has equal elements"
        default: break
        }
        return nil
    }

    private func fault(ofText text: String, _ keyword: String, _ rule: JSON, _ place: String) -> String? {
        switch keyword {
        case "minLength": return text.unicodeScalars.count >= rule.int ?? .max ? nil : "\(place) is too short"
        case "maxLength": return text.unicodeScalars.count <= rule.int ?? 0 ? nil : "\(place) is too long"
        case "pattern":
            return Self.patterns.matches(text, rule.string ?? "") ? nil : "\(place) is not like \(rule.text)"
        case "format":
            switch rule.string {
            case "uri": return URL(string: text)?.scheme != nil ? nil : "\(place) is not a URI"
            case "email": return text.contains("@") ? nil : "\(place) is not an address"
            // Of numbers, which a text is not: its type says so.
            case "int64": return nil
            default: return "\(place): the schema says the format \(rule.text), which cannot be read"
            }
        default: return nil
        }
    }

    private func fault(ofNumber value: JSON, _ keyword: String, _ rule: JSON, _ place: String) -> String? {
        func double(_ value: JSON) -> Double {
            switch value {
            case .int(let number): Double(number)
            case .number(let text): Double(text) ?? .nan
            default: .nan
            }
        }
        switch keyword {
        case "minimum": return double(value) >= double(rule) ? nil : "\(place) is under \(rule.text)"
        case "maximum": return double(value) <= double(rule) ? nil : "\(place) is over \(rule.text)"
        default: return nil
        }
    }

    private static let patterns = Patterns()

    /// Compiled once: every id of every answer has one.
    private final class Patterns: Sendable {
        private let compiled = Mutex<[String: NSRegularExpression]>([:])

        func matches(_ text: String, _ pattern: String) -> Bool {
            compiled.withLock { compiled in
                guard let expression = compiled[pattern] ?? (try? NSRegularExpression(pattern: pattern)) else {
                    return false
                }
                compiled[pattern] = expression
                let whole = NSRange(text.startIndex..<text.endIndex, in: text)
                return expression.firstMatch(in: text, range: whole) != nil
            }
        }
    }
}
