import sys
from pathlib import Path

# The recipe is a folder of scripts, not a package: Python finds its modules beside the script.
sys.path.insert(0, str(Path(__file__).parent.parent.parent / "models"))
