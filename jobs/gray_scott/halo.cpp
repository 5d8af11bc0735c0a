#include "jobs/gray_scott/halo.hpp"

namespace gray_scott {
namespace {

constexpr int species_count = 2;

/// One layer of cells, `first` counted in the block with its ghosts, across `axis`; both species.
jobs::Datatype face_type(const Extents& extents, std::size_t axis, int first) {
  std::array<int, 4> sizes{species_count};
  std::array<int, 4> counts{species_count};
  std::array<int, 4> starts{0};
  for (std::size_t i = 0; i < 3; ++i) {
    sizes[i + 1] = static_cast<int>(extents[i]) + 2;
    counts[i + 1] = i == axis ? 1 : static_cast<int>(extents[i]);
    starts[i + 1] = i == axis ? first : 1;
  }
  jobs::Datatype type;
  MPI_Type_create_subarray(4, sizes.data(), counts.data(), starts.data(), MPI_ORDER_C, MPI_DOUBLE,
                           type.out());
  MPI_Type_commit(type.out());
  return type;
}

}  // namespace

Halo::Halo(MPI_Comm cartesian, const Extents& extents, std::span<double* const> buffers) {
  requests_.resize(buffers.size());
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const int last = static_cast<int>(extents[axis]);
    int below = MPI_PROC_NULL;
    int above = MPI_PROC_NULL;
    MPI_Cart_shift(cartesian, static_cast<int>(axis), 1, &below, &above);

    struct Message {
      int peer;
      int send_layer;
      int receive_layer;
      int send_tag;  // the direction it travels in, since both neighbours may be the same rank
      int receive_tag;
    };
    const int down = 2 * static_cast<int>(axis);
    const int up = down + 1;
    for (const Message& message :
         {Message{below, 1, 0, down, up}, Message{above, last, last + 1, up, down}}) {
      faces_.push_back(face_type(extents, axis, message.send_layer));
      const MPI_Datatype send_type = faces_.back().get();
      faces_.push_back(face_type(extents, axis, message.receive_layer));
      const MPI_Datatype receive_type = faces_.back().get();
      for (std::size_t i = 0; i < buffers.size(); ++i) {
        jobs::PersistentRequest receive;
        MPI_Recv_init(buffers[i], 1, receive_type, message.peer, message.receive_tag, cartesian,
                      receive.out());
        jobs::PersistentRequest send;
        MPI_Send_init(buffers[i], 1, send_type, message.peer, message.send_tag, cartesian, send.out());
        requests_[i].push_back(receive.get());
        requests_[i].push_back(send.get());
        owned_.push_back(std::move(receive));
        owned_.push_back(std::move(send));
      }
    }
  }
}

void Halo::exchange(std::size_t buffer) {
  auto& requests = requests_[buffer];
  MPI_Startall(static_cast<int>(requests.size()), requests.data());
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

}  // namespace gray_scott
