#include "core/value/wait_notice.hpp"

#include <cstdio>
#include <string>

namespace locum {

void WaitNotice::tell(Log log, int rank, const Error& why) noexcept {
  if (log != Log::off) {
    const std::string about = why.key().empty() ? "" : " [" + std::string(why.key()) + "]";
    std::fprintf(stderr, "locum: rank %d has waited for %d s, and goes on waiting: %s%s\n", rank,
                 static_cast<int>(patience.count()), why.text().c_str(), about.c_str());
  }
}

}  // namespace locum
