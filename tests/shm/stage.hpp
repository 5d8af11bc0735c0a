#pragma once

#include <sys/mman.h>

#include <chrono>
#include <cstdint>
#include <new>

#include "core/value/deadline.hpp"
#include "shm/segment/futex.hpp"
#include "shm/segment/layout.hpp"

namespace locum::tests {

/// A number that only grows, with which a test and its forked processes tell each other their progress.
class Stage {
 public:
  Stage() {
    void* const memory =
        ::mmap(nullptr, sizeof(shm::Word32), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      throw std::bad_alloc();
    }
    reached_ = ::new (memory) shm::Word32{0};
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage() { ::munmap(reached_, sizeof(shm::Word32)); }

  void reach(std::uint32_t stage) {
    reached_->store(stage);
    shm::futex_wake_all(*reached_);
  }
  /// False if that stage was not reached in time.
  [[nodiscard]] bool wait_for(std::uint32_t stage) const {
    const auto moment = Deadline::Clock::now() + patience;
    for (;;) {
      const std::uint32_t now = reached_->load();
      if (now >= stage || Deadline::Clock::now() >= moment) {
        return now >= stage;
      }
      shm::futex_wait(*reached_, now, moment);
    }
  }

 private:
  static constexpr std::chrono::seconds patience{20};

  shm::Word32* reached_;
};

}  // namespace locum::tests
