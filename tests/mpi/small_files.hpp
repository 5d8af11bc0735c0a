#pragma once

#include <sys/resource.h>

#include <csignal>

namespace locum::job {

/// While it lives no file of this process may grow beyond that size: it refuses as a full disk does.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t most) : ignored_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit lower{most, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &lower);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, ignored_);
  }

 private:
  void (*ignored_)(int);
  rlimit before_{};
};

}  // namespace locum::job
