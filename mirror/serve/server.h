/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_SERVER_H
#define DROVER_MIRROR_SERVE_SERVER_H

/* For mirror/serve's own files: what all requests share. One thread runs it all. */

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <sys/stat.h>

#include "bundle/file/reader.h"
#include "lib/log.h"
#include "mirror/serve/address.h"
#include "mirror/serve/htpasswd.h"
#include "mirror/serve/serve.h"
#include "mirror/serve/tls.h"
#include "mirror/serve/visitors.h"

struct dr_serve {
    const struct dr_log *log;
    char *path; /* of the bundle, for people */
    struct dr_bundle *bundle;
    struct dr_digest verified;    /* stamp of its files as they were when all had been verified */
    struct dr_htpasswd *htpasswd; /* NULL: everybody may pull */
    SSL_CTX *tls;                 /* NULL: plain HTTP */
    struct event_base *base;
    struct evhttp *http;
    struct evhttp_bound_socket *socket; /* of `http`; NULL: nobody can connect any more */
    struct event *tick;
    struct dr_visitors visitors;
    double timeout;                /* seconds that a client may be silent */
    size_t running;                /* requests whose answer is not out yet */
    bool ending;                   /* a stop is wanted */
    bool changed;                  /* the file did, after it was verified */
    double end;                    /* of dr_clock(): when it no longer waits for them */
    char address[DR_ADDRESS_TEXT]; /* "127.0.0.1:5000", as it was bound */
    bool any;                      /* that is every address of this machine */
};

#endif
