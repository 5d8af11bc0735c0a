#pragma once

namespace locum {

/// Called once on completion, on any thread, including within message progress (Progress): must not wait or
/// allocate memory.
class CompletionListener {
 public:
  CompletionListener() = default;
  CompletionListener(const CompletionListener&) = delete;
  CompletionListener& operator=(const CompletionListener&) = delete;
  virtual ~CompletionListener() = default;

  virtual void ended() noexcept = 0;
};

}  // namespace locum
