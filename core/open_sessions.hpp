#pragma once

/// \file
/// Access to the open runtimes of this process without a Runtime value: find_store() is declared beside
/// Store, and proxy() beside Proxy. Local; any thread may call. In a process that was forked from a rank
/// nothing is found.
#include <locum/proxy.hpp>
#include <locum/store.hpp>
