#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/record.hpp"
#include "transport/storage/formats/torch/pickle_graph.hpp"
#include "transport/storage/formats/torch/torch_tensor.hpp"

namespace locum::storage {

/// Makes a record of the values of a checkpoint. Values that the pickle shares are shared by the record; one
/// that contains itself is refused, as are records that are many times as large as what the file holds.
class TorchValues {
 public:
  using MakeTensor = std::function<Result<Record>(const TorchTensor& tensor)>;

  /// \param graph lives longer \param keys_as_text the option `keys = "text"`
  TorchValues(const PickleGraph& graph, bool keys_as_text, MakeTensor make)
      : graph_(graph), keys_as_text_(keys_as_text), make_(std::move(make)), made_(graph.nodes.size()) {}

  /// Calls `take` with each tensor of the pickle, until it fails.
  [[nodiscard]] Result<void> for_each_tensor(const std::function<void(const TorchTensor&)>& take) const;
  /// Returns the value of the file.
  [[nodiscard]] Result<Record> root();

 private:
  /// What became of a node.
  struct Made {
    enum class State : std::uint8_t { no, begun, yes };
    State state = State::no;
    std::uint32_t height = 0;  ///< levels below it
    std::uint64_t values = 1;  ///< it and those below it, each as often as it is shown
    Record record;
  };

  [[nodiscard]] Result<Record> value(const PickleValue& value, std::uint32_t depth, Made& parent);
  [[nodiscard]] Result<Record> node_value(const PickleValue& value, std::uint32_t depth, Made& made);
  [[nodiscard]] Result<Record> list(const PickleNode& node, std::uint32_t depth, Made& made);
  [[nodiscard]] Result<Record> dict(const PickleNode& node, std::uint32_t depth, Made& made);
  [[nodiscard]] Result<Record> call(const PickleNode& node, std::uint32_t depth, Made& made);
  [[nodiscard]] Result<std::string> key(const PickleValue& value, std::uint64_t at) const;

  const PickleGraph& graph_;
  bool keys_as_text_;
  MakeTensor make_;
  std::vector<Made> made_;  ///< for each node
};

}  // namespace locum::storage
