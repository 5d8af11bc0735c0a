#pragma once

#include <memory>
#include <utility>

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

/// Returns a listener that calls `ended`.
template <class Ended>
[[nodiscard]] std::shared_ptr<CompletionListener> on_completion(Ended ended) {
  class Calling final : public CompletionListener {
   public:
    explicit Calling(Ended ended) : ended_(std::move(ended)) {}
    void ended() noexcept override { ended_(); }

   private:
    Ended ended_;
  };
  return std::make_shared<Calling>(std::move(ended));
}

}  // namespace locum
