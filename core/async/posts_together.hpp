#pragma once

#include <functional>
#include <vector>

namespace locum {

class Progress;

/// Within its scope the steps that this thread posts to a Progress are kept, and posted at its end, all at
/// once: requests of operations that the thread begins there travel together. The thread must not wait for
/// any of them before that. Scopes may be nested: the outermost one counts. The Progress must outlive it.
class PostsTogether {
 public:
  PostsTogether() noexcept;
  PostsTogether(const PostsTogether&) = delete;
  PostsTogether& operator=(const PostsTogether&) = delete;
  ~PostsTogether();

  /// That of this thread; null: none.
  [[nodiscard]] static PostsTogether* of_thread() noexcept;
  void keep(Progress& progress, std::function<void()> step);

 private:
  void post() noexcept;

  const bool is_outermost_;
  Progress* progress_ = nullptr;  ///< of the steps
  std::vector<std::function<void()>> steps_;
};

}  // namespace locum
