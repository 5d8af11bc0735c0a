#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace locum::storage {

/// A dataset that programs which read XDMF can show.
struct XdmfArray {
  std::string name;
  std::string file;                    ///< HDF5, as it is found from the folder of the description
  std::string path;                    ///< in that
  std::string_view element;            ///< canonical: f64
  std::vector<std::uint64_t> extents;  ///< two or three
};

/// Whether XDMF can name such a dataset: numbers, of two or three extents, none of them 0.
[[nodiscard]] bool is_for_xdmf(const XdmfArray& array);
/// The text that describes them, each as a uniform grid with a distance of 1 between its points. REQUIRES:
/// is_for_xdmf(), for each.
[[nodiscard]] std::string xdmf_text(const std::vector<XdmfArray>& arrays);
/// The name of the file that describes a checkpoint of that path: run17/step0042.xdmf of run17/step0042.h5.
[[nodiscard]] std::string xdmf_file(const std::string& path);

}  // namespace locum::storage
