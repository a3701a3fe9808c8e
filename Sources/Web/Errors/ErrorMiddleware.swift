import Domain
import Hummingbird

/// Answers every error in the envelope, and the paths and methods that no route has.
struct ErrorMiddleware: RouterMiddleware {
    let rendering: ErrorRendering
    let table: RouteTable

    func handle(
        _ request: Request, context: SoukContext, next: @concurrent (Request, SoukContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return try rendering.response(for: unrouted(request) ?? error, to: request, context: context)
        } catch {
            return try rendering.response(for: error, to: request, context: context)
        }
    }

    private func unrouted(_ request: Request) -> MethodRefusal? {
        let allowed = table.methods(at: request.uri.path)
        guard !allowed.isEmpty, !allowed.contains(request.method.rawValue) else { return nil }
        return MethodRefusal(request.method.rawValue, allowed: allowed)
    }
}
