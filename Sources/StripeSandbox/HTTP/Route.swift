/// One endpoint: method, path pattern with `:names`, parameters, and the function that answers.
struct Route: Sendable {
    typealias Answer = @Sendable (Turn) throws(StripeFailure) -> JSONValue

    let method: String
    let pattern: String
    let schema: ParameterSchema
    /// Whether only the platform may call it, never with `Stripe-Account`.
    let platformOnly: Bool
    let answer: Answer
}

/// All endpoints, found by method and path.
struct RouteTable: Sendable {
    private final class Node: Sendable {
        let literals: [String: Node]
        let name: String?
        let parameter: Node?
        let routes: [String: Route]

        init(literals: [String: Node], name: String?, parameter: Node?, routes: [String: Route]) {
            self.literals = literals
            self.name = name
            self.parameter = parameter
            self.routes = routes
        }
    }

    private struct Draft {
        var literals: [String: Draft] = [:]
        var name: String?
        var parameter: [Draft] = []
        var routes: [String: Route] = [:]

        mutating func add(_ route: Route, _ segments: ArraySlice<Substring>) {
            guard let segment = segments.first else {
                routes[route.method] = route
                return
            }
            if segment.hasPrefix(":") {
                if parameter.isEmpty { parameter = [Draft()] }
                name = name ?? String(segment.dropFirst())
                parameter[0].add(route, segments.dropFirst())
            } else {
                literals[String(segment), default: Draft()].add(route, segments.dropFirst())
            }
        }

        func node() -> Node {
            Node(
                literals: literals.mapValues { $0.node() }, name: name, parameter: parameter.first?.node(),
                routes: routes)
        }
    }

    private let root: Node
    let routes: [Route]

    init(_ routes: [Route]) {
        var draft = Draft()
        for route in routes { draft.add(route, route.pattern.split(separator: "/")[...]) }
        root = draft.node()
        self.routes = routes
    }

    /// The route and the values of its `:names`; nil where no path or no method fits.
    func find(_ method: String, _ path: String) -> (route: Route, values: [String: String])? {
        var node = root
        var values: [String] = []
        for segment in path.split(separator: "/") {
            if let next = node.literals[String(segment)] {
                node = next
            } else if let next = node.parameter {
                values.append(String(segment))
                node = next
            } else {
                return nil
            }
        }
        guard let route = node.routes[method] else { return nil }
        let names = route.pattern.split(separator: "/").filter { $0.hasPrefix(":") }.map { String($0.dropFirst()) }
        return (route, Dictionary(zip(names, values)) { first, _ in first })
    }
}

/// Declares routes against the table of parameters, so that none can lack its schema.
struct RouteBuilder {
    struct UnknownRoute: Error, CustomStringConvertible {
        let description: String
    }

    private let schemas: [String: ParameterSchema]
    private(set) var routes: [Route] = []

    init() throws { schemas = try ParameterSchema.table() }

    mutating func add(_ route: String, platformOnly: Bool = false, _ answer: @escaping Route.Answer) throws {
        let halves = route.split(separator: " ")
        guard halves.count == 2, let schema = schemas[route] else {
            throw UnknownRoute(description: "no parameters are declared for \(route)")
        }
        routes.append(
            Route(
                method: String(halves[0]), pattern: String(halves[1]), schema: schema, platformOnly: platformOnly,
                answer: answer))
    }

    /// Endpoints whose parameters are declared but which nobody answers.
    var undeclared: [String] {
        Set(schemas.keys).subtracting(routes.map { "\($0.method) \($0.pattern)" }).sorted()
    }
}
