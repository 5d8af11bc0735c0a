#include "tests/fuzz/scratch_file.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace locum::tests {

ScratchFile::ScratchFile() : path_((std::filesystem::temp_directory_path() / "locum_fuzz_XXXXXX").string()) {
  const int made = ::mkstemp(path_.data());
  if (made < 0) {
    std::perror("the file of a test cannot be made");
    std::abort();
  }
  ::close(made);
}

ScratchFile::~ScratchFile() {
  ::unlink(path_.c_str());
}

std::vector<std::byte> ScratchFile::bytes() const {
  std::vector<std::byte> all(std::filesystem::file_size(path_));
  std::ifstream(path_, std::ios::binary)
      .read(reinterpret_cast<char*>(all.data()), static_cast<std::streamsize>(all.size()));
  return all;
}

// In a new file: some file systems wait for the disk when one is overwritten.
void ScratchFile::set(std::span<const std::byte> bytes) const {
  ::unlink(path_.c_str());
  std::ofstream file(path_, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) {
    std::perror("the file of a test cannot be written");
    std::abort();
  }
}

}  // namespace locum::tests
