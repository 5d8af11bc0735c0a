#pragma once

#include <memory>
#include <utility>

#include <locum/detail/base/intrusive_list.hpp>

namespace locum {

/// An action to run after an operation has ended.
class Continuation : private ListLink<Continuation> {
 public:
  Continuation() = default;
  Continuation(const Continuation&) = delete;
  Continuation& operator=(const Continuation&) = delete;
  virtual ~Continuation() = default;

  /// Runs the action. Called once, on a thread that may wait.
  virtual void run() noexcept = 0;

 private:
  friend class IntrusiveList<Continuation>;
};

/// An owning FIFO queue of continuations. Its owner locks.
class ContinuationQueue {
 public:
  ContinuationQueue() = default;
  ContinuationQueue(const ContinuationQueue&) = delete;
  ContinuationQueue& operator=(const ContinuationQueue&) = delete;
  ~ContinuationQueue() {
    if (!empty()) {
      clear();
    }
  }

  void add(std::unique_ptr<Continuation> continuation) noexcept;
  /// Removes and returns the first continuation; null if there is none.
  [[nodiscard]] std::unique_ptr<Continuation> take() noexcept;
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
  void swap(ContinuationQueue& other) noexcept { std::swap(all_, other.all_); }

 private:
  void clear() noexcept;

  IntrusiveList<Continuation> all_;
};

}  // namespace locum
