#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <locum/array.hpp>

namespace locum::tests {

/// Returns the command of a Python that has these modules ("numpy, tifffile"); empty if there is none. Does
/// not load them, which takes a second.
[[nodiscard]] inline std::string python_with(const std::string& modules) {
  const std::string check =
      " -c 'import importlib.util, sys; sys.exit(not all(importlib.util.find_spec(one) for one in \"" +
      modules + "\".split(\", \")))' 2> /dev/null";
  for (const char* one : {"python3", "/usr/bin/python3"}) {
    if (std::system((one + check).c_str()) == 0) {
      return one;
    }
  }
  return {};
}

/// Returns the path of a script, or of a folder of samples, that lies beside these tests.
[[nodiscard]] inline std::filesystem::path beside_these_tests(const std::string& name) {
#ifdef LOCUM_FORMAT_CHECKS
  return std::filesystem::path(LOCUM_FORMAT_CHECKS) / name;
#else
  return std::filesystem::path(__FILE__).parent_path() / name;
#endif
}

/// Runs a script that lies beside these tests. Returns whether it succeeds.
[[nodiscard]] inline bool run_script(const std::string& python, const std::string& script,
                                     const std::string& arguments) {
  const std::string command = python + " '" + beside_these_tests(script).string() + "' " + arguments;
  return std::system(command.c_str()) == 0;
}

[[nodiscard]] inline std::vector<std::byte> bytes_of_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// A line of index.txt in a folder that C++ and Python share: a file, and the array that it holds, whose
/// elements lie beside it, row-major: `name.bin`.
struct CheckedFile {
  std::string name;
  std::string type;
  std::string extents;  ///< `2,3`; `-` for none
  std::string option;   ///< `half=f32`; empty: none

  /// Returns whether an array is what the line tells.
  [[nodiscard]] bool describes(const Array& array, const std::filesystem::path& folder) const {
    const Result<Array> packed = array.packed();
    const std::vector<std::byte> expected = bytes_of_file(folder / (name + ".bin"));
    return packed && array.element().name() == type && text_of(array.extents()) == extents &&
           std::ranges::equal(packed->bytes(), expected);
  }
  [[nodiscard]] static std::string text_of(const Extents& extents) {
    std::string text;
    for (const std::uint64_t extent : extents.span()) {
      text.append(text.empty() ? "" : ",").append(std::to_string(extent));
    }
    return text.empty() ? "-" : text;
  }
};

[[nodiscard]] inline std::vector<CheckedFile> read_index(const std::filesystem::path& folder) {
  std::vector<CheckedFile> files;
  std::ifstream in(folder / "index.txt");
  for (std::string line; std::getline(in, line);) {
    CheckedFile& file = files.emplace_back();
    std::istringstream(line) >> file.name >> file.type >> file.extents >> file.option;
  }
  return files;
}

/// Appends to index.txt, and writes the elements. REQUIRES: the array is contiguous.
inline void add_to_index(const std::filesystem::path& folder, const std::string& name, const Array& array) {
  write_file(folder / (name + ".bin"), array.bytes());
  std::ofstream(folder / "index.txt", std::ios::app)
      << name << ' ' << array.element().name() << ' ' << CheckedFile::text_of(array.extents()) << '\n';
}

}  // namespace locum::tests
