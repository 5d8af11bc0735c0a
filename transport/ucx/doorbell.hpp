#pragma once

#include <chrono>

#include "core/base/descriptor.hpp"

namespace locum::ucx {

/// For one sleeping thread: the descriptor of a worker, monitored only while armed, and a bell that any
/// thread rings. Armed once, it wakes once: a thread that moves the messages meanwhile does not wake the
/// sleeper again for each of them.
///
/// arm() and disarm() are for the thread that may move messages, sleep() for one thread at a time, ring() for
/// all; all of them concurrently.
class Doorbell {
 public:
  /// `worker` must stay open as long as this. Throws Error.
  explicit Doorbell(int worker);

  void arm() noexcept;
  void disarm() noexcept;
  /// Until the worker is ready (if armed), the bell rang since the last sleep, or `moment` has come; at most
  /// a millisecond later, and less if it is less than one away. A signal ends it early. False: only the
  /// moment has come.
  bool sleep(std::chrono::steady_clock::time_point moment) noexcept;
  void ring() noexcept;

 private:
  void listen(unsigned events) noexcept;

  int worker_;
  Descriptor bell_;
  Descriptor both_;
};

}  // namespace locum::ucx
