#pragma once
#include <libpq-fe.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

// Names the calling thread, for ps and debuggers.
static inline void souk_name_thread(const char *name) { prctl(PR_SET_NAME, name); }
