/* What everybody may ask: is it alive, and the public half of the server's key. */
#include "base/err.h"
#include "keys/spki.h"
#include "server/api/reply.h"
#include "server/api/routes.h"

void route_health(struct request *request)
{
    reply_ok(request);
}

void route_server_key_der(struct request *request)
{
    const struct cloud *cloud = request->cloud;
    reply_bytes(request, 200, "application/octet-stream", cloud->server_spki,
                sizeof cloud->server_spki);
}

void route_server_key_pem(struct request *request)
{
    const struct cloud *cloud = request->cloud;
    char pem[CYAN_SPKI_PEM_MAX];
    int len = cyan_spki_to_pem(cloud->server_spki, sizeof cloud->server_spki, pem);
    if (len < 0) {
        reply_error(request, 503, "BUSY", "The server's key cannot be shown now.");
    } else {
        reply_bytes(request, 200, "application/x-pem-file", pem, (size_t)len);
    }
}
