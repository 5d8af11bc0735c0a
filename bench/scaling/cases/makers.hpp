#pragma once

#include <memory>

#include "bench/scaling/case.hpp"

namespace scaling {

// Collective; each in the file of its case.
[[nodiscard]] std::unique_ptr<Case> make_put(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_create(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_get_node(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_get_remote(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_get_name(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_resolve(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_broadcast(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_shuffle(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_halo(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_steps(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_tasks(const Scene& scene);
template <char workload>
[[nodiscard]] std::unique_ptr<Case> make_ycsb(const Scene& scene);
[[nodiscard]] std::unique_ptr<Case> make_start_up(const Scene& scene);

}  // namespace scaling
