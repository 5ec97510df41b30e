"""Many connections at once."""
import resource


def allow_descriptors(count):
    """Lets this process have so many files and sockets open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        assert hard == resource.RLIM_INFINITY or hard >= count, f"ulimit -Hn {hard} is too low for this test"
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
