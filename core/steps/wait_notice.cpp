#include "core/steps/wait_notice.hpp"

#include <cstdio>

namespace locum::detail {

void WaitNotice::tell(const SessionState& session, const Error& why) noexcept {
  if (session.options().options.log != Log::off) {
    std::fprintf(stderr, "locum: rank %d has waited for %d s, and goes on waiting: %s [%s]\n",
                 session.options().rank, static_cast<int>(patience.count()), why.text().c_str(),
                 why.key().c_str());
  }
}

}  // namespace locum::detail
