#pragma once

namespace locum::ucx {

/// Restores the dispositions of signals that UCX has changed. When it is loaded, UCX sets a handler for
/// SIGHUP (UCX_DEBUG_SIGNO), which does nothing unless a debugger asks it to, and handlers that print a
/// backtrace for SIGILL, SIGBUS, SIGFPE and SIGSEGV (UCX_HANDLE_ERRORS). A job that is to end by SIGHUP, or
/// `nohup`, would not behave as without this library, nor would a program with handlers of its own. Where the
/// environment sets one of these two variables, UCX keeps those handlers. Handlers of others stay. Called
/// when the library is loaded, and before UCX is used: UCX may have been loaded later.
void restore_signals() noexcept;

}  // namespace locum::ucx
