#include "transport/ucx/signals.hpp"

#include <dlfcn.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is not in <csignal>
#include <ucs/debug/debug.h>

#include <cstdlib>
#include <initializer_list>

namespace locum::ucx {

namespace {

// Before main(), where a program has set no handlers yet. UCX's own constructors have run: this library
// depends on it.
[[maybe_unused]] const bool is_restored = [] {
  restore_signals();
  return true;
}();

// The address of the library that has this function; null: it is in none.
const void* library_of(const void* function) noexcept {
  Dl_info found{};
  return ::dladdr(function, &found) != 0 ? found.dli_fbase : nullptr;
}

bool is_handled_by_ucx(int number) noexcept {
  struct sigaction now {};
  if (::sigaction(number, nullptr, &now) != 0 || now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) {
    return false;
  }
  const void* const handler = (now.sa_flags & SA_SIGINFO) != 0
                                  ? reinterpret_cast<const void*>(now.sa_sigaction)
                                  : reinterpret_cast<const void*>(now.sa_handler);
  const void* const library = library_of(handler);
  return library != nullptr &&
         library == library_of(reinterpret_cast<const void*>(&ucs_debug_disable_signal));
}

void restore(int number) noexcept {
  if (is_handled_by_ucx(number)) {
    ucs_debug_disable_signal(number);
  }
}

}  // namespace

void restore_signals() noexcept {
  if (std::getenv("UCX_DEBUG_SIGNO") == nullptr) {
    restore(SIGHUP);
  }
  if (std::getenv("UCX_HANDLE_ERRORS") == nullptr) {
    for (const int number : {SIGILL, SIGBUS, SIGFPE, SIGSEGV}) {
      restore(number);
    }
  }
}

}  // namespace locum::ucx
