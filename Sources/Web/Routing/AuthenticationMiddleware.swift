import Domain
import Hummingbird

/// `Authorization: Bearer souk_(test|live)_…` with the route's scope, or 401 and 403.
struct AuthenticationMiddleware: RouterMiddleware {
    let keys: any APIKeyChecking
    let scope: Scope
    let limits: CallerLimits

    func handle(
        _ request: Request, context: SoukContext, next: @concurrent (Request, SoukContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let principal = try await principal(request, context)
        context.principal = principal
        context.notes.note { $0.apiKeyID = principal.apiKeyID }
        if let id = principal.apiKeyID { try limits.admit(.key(id), context) }
        try principal.require(scope)
        return try await next(request, context)
    }

    /// Who guesses keys is limited by address; who has one is not, whatever others at the same address do.
    private func principal(_ request: Request, _ context: SoukContext) async throws -> Principal {
        do {
            return try await keys.principal(presenting: try request.presentedKey())
        } catch let refusal as Refusal where refusal.code.appearance.status == .unauthorized {
            try limits.admit(limits.address(of: request, context), context)
            throw refusal
        }
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
