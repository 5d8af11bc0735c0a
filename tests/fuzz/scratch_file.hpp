#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace locum::tests {

/// A file in the folder for temporary ones.
class ScratchFile {
 public:
  ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::vector<std::byte> bytes() const;
  /// Puts another file in its place.
  void set(std::span<const std::byte> bytes) const;

 private:
  std::string path_;
};

}  // namespace locum::tests
