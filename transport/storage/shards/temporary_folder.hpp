#pragma once

#include <string>

#include "core/value/result.hpp"

namespace locum::storage {

/// A folder of its own in the system's folder of temporary files (TMPDIR), which is removed, with all that is
/// in it, at the end of this.
class TemporaryFolder {
 public:
  /// `system` if it cannot be made.
  [[nodiscard]] static Result<TemporaryFolder> make();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit TemporaryFolder(std::string path);

  std::string path_;  ///< empty: this was moved from
  int process_ = 0;   ///< that made it: a forked child does not remove it
};

}  // namespace locum::storage
