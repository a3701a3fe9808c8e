import Domain
import Hummingbird

/// `Authorization: Bearer souk_(test|live)_…` with the route's scope, or 401 and 403.
struct AuthenticationMiddleware: RouterMiddleware {
    let keys: any APIKeyChecking
    let scope: Scope

    func handle(
        _ request: Request, context: SoukContext, next: @concurrent (Request, SoukContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let principal = try await keys.principal(presenting: try request.presentedKey())
        context.principal = principal
        context.notes.note { $0.apiKeyID = principal.apiKeyID }
        try principal.require(scope)
        return try await next(request, context)
    }
}

extension Request {
    /// - Throws: `unauthenticated` when there is no bearer token of ours.
    func presentedKey() throws(Refusal) -> String {
        guard let header = headers[.authorization] else {
            throw Refusal(.unauthenticated, "No API key was sent. Send it as 'Authorization: Bearer souk_…'.")
        }
        let parts = header.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer", parts[1].hasPrefix("souk_") else {
            throw Refusal(.unauthenticated, "The API key must come as 'Authorization: Bearer souk_…'.")
        }
        return String(parts[1])
    }
}
